"""Released clients of OpenFeature and GrowthBook against the service under granian."""

import subprocess

import pytest
from growthbook import GrowthBook
from openfeature import api
from openfeature.contrib.provider.ofrep import OFREPProvider
from openfeature.evaluation_context import EvaluationContext
from openfeature.exception import ErrorCode

from tests.end_to_end.live_service import LiveService
from tests.missing import node
from tests.node import CLIENTS, run_node

pytestmark = pytest.mark.slow

SLOT = "hero-signup"
OWN = {"text": "own"}
VISITORS = [f"visiteur-é-{number}" for number in range(40)]
RENAME = """
from experiments.models import CTAWording
from experiments.services.catalogue.config_revision import bump_revision
CTAWording.objects.filter(locale="fr").update(text={text!r})
bump_revision()
"""


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    service = LiveService(tmp_path_factory.mktemp("live"), with_stream=True)
    yield service
    service.stop()


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """OpenFeature's web client as one script for a page."""
    path = tmp_path_factory.mktemp("bundle") / "web.js"
    subprocess.run([node(CLIENTS), "bundle.mjs", "web.js", str(path)], cwd=CLIENTS, check=True)
    return path.read_text()


@pytest.fixture
def python_client(live):
    def client(key="demo-server-key"):
        headers = {"Authorization": f"Bearer {key}"}
        provider = OFREPProvider(live.url, headers_factory=lambda: headers)
        api.set_provider(provider)
        return api.get_client()

    yield client
    api.shutdown()


def french(visitor):
    return EvaluationContext(visitor, {"locale": "fr"})


def test_python_client_reads_the_arm_and_what_is_known_of_it(python_client):
    client = python_client()
    found = [client.get_object_details(SLOT, OWN, french(visitor)) for visitor in VISITORS]
    assert {details.reason for details in found} == {"SPLIT"}
    assert len({details.variant for details in found}) == 4
    for details in found:
        assert details.error_code is None
        assert details.value["locale"] == "fr"
        assert details.flag_metadata["experiment"] == "hero-signup-fr"
        assert details.flag_metadata["propensity"] == 0.25
        assert details.flag_metadata["revision"] > 0


def test_python_client_reads_a_slot_without_experiment(python_client):
    details = python_client().get_object_details("library-home", OWN, EvaluationContext("v-1"))
    assert (details.reason, details.variant) == ("STATIC", "default")


@pytest.mark.parametrize(
    ("slot", "context", "code"),
    [
        ("unknown", french("v-1"), ErrorCode.FLAG_NOT_FOUND),
        ("a/b", french("v-1"), ErrorCode.FLAG_NOT_FOUND),
        (SLOT, None, ErrorCode.TARGETING_KEY_MISSING),
        (SLOT, french("v" * 300), ErrorCode.INVALID_CONTEXT),
    ],
    ids=["unknown", "slash", "nobody", "too long"],
)
def test_python_client_reads_each_error_and_keeps_its_own_words(python_client, slot, context, code):
    details = python_client().get_object_details(slot, OWN, context)
    assert (details.value, details.error_code) == (OWN, code)
    assert details.error_message


def test_python_client_is_told_that_its_key_is_wrong(python_client):
    details = python_client("unknown").get_object_details(SLOT, OWN, french("v-1"))
    assert (details.value, details.error_message) == (OWN, "unauthorized")


def test_node_client_reads_what_the_python_client_reads(live, python_client):
    contexts = [{"targetingKey": visitor, "locale": "fr"} for visitor in VISITORS]
    asked = {"url": live.url, "key": "demo-server-key", "slot": SLOT, "contexts": contexts}
    client = python_client()
    for details, visitor in zip(run_node("server.mjs", asked), VISITORS, strict=True):
        other = client.get_object_details(SLOT, OWN, french(visitor))
        assert "errorCode" not in details, details
        assert (details["variant"], details["value"]) == (other.variant, other.value)
        assert (details["reason"], details["flagMetadata"]) == ("SPLIT", other.flag_metadata)


def test_node_client_reads_each_error(live):
    def codes(slot, context, key="demo-server-key"):
        asked = {"url": live.url, "key": key, "slot": slot, "contexts": [context]}
        (details,) = run_node("server.mjs", asked)
        assert details["value"] == OWN
        return details["errorCode"]

    assert codes("unknown", {"targetingKey": "v-1"}) == "FLAG_NOT_FOUND"
    assert codes(SLOT, {}) == "TARGETING_KEY_MISSING"
    assert codes(SLOT, {"targetingKey": "v-1"}, key="unknown") == "GENERAL"


def test_growthbook_clients_fetch_the_payload_and_find_the_arms_of_ofrep(live, python_client):
    client = python_client("demo-client-key")
    answers = [client.get_object_details(SLOT, OWN, french(one)) for one in VISITORS]
    expected = [f"{answer.variant}@{answer.flag_metadata['phase']}" for answer in answers]
    attributes = [{"id": visitor, "locale": "fr"} for visitor in VISITORS]
    asked = {"url": live.url, "key": "demo-client-key", "slot": SLOT, "visitors": attributes}
    found = run_node("payload.mjs", asked)
    assert [one["variant"] for one in found] == expected
    assert {(one["success"], one["value"]["locale"]) for one in found} == {(True, "fr")}
    sdk = GrowthBook(api_host=live.url, client_key="demo-client-key")
    sdk.load_features()
    arms = []
    for one in attributes:
        sdk.set_attributes(one)
        arms.append(sdk.eval_feature(SLOT).experimentResult.key)
    sdk.destroy()
    assert arms == expected


@pytest.fixture
def web(live, bundle, site, browser_page):
    """A page of another origin on which OpenFeature's web client has started."""
    site.pages["/"] = ["<!doctype html><title>shop</title>"]
    browser_page.goto(site.origin)
    browser_page.add_script_tag(content=bundle)
    context = {"targetingKey": "v-1", "locale": "fr"}
    asked = {"url": live.url, "key": "demo-client-key", "context": context}
    browser_page.evaluate("asked => cta.start(asked)", asked)
    return browser_page


def is_evaluation(response):
    return "/evaluate/flags" in response.url and response.request.method == "POST"


def status_after(page, script):
    """The status of the evaluation that a statement leads to."""
    with page.expect_response(is_evaluation) as caught:
        page.evaluate(script)
    return caught.value.status


def details(page):
    return page.evaluate(f"cta.details('{SLOT}')")


def test_web_client_reads_the_arm_in_a_browser_of_another_origin(web, python_client):
    other = python_client("demo-client-key").get_object_details(SLOT, OWN, french("v-1"))
    found = details(web)
    assert (found["variant"], found["value"], found["reason"]) == (
        other.variant,
        other.value,
        "SPLIT",
    )


def test_web_client_gets_304_for_an_attribute_that_changes_nothing(web):
    before = details(web)["value"]
    elsewhere = "cta.setContext({targetingKey: 'v-1', locale: 'fr', page: '/elsewhere'})"
    # The ETag was read across origins, and sent again.
    assert status_after(web, elsewhere) == 304
    assert details(web)["value"] == before
    # It covers what was evaluated, not the configuration alone.
    assert status_after(web, "cta.setContext({targetingKey: 'v-1', locale: 'en'})") == 200
    web.wait_for_function(f"cta.details('{SLOT}').value.locale === 'en'")


def test_web_client_hears_of_a_change_from_the_stream(web, live):
    # What an earlier change of these tests announced may be asked for first, and changes nothing.
    with web.expect_response(lambda one: is_evaluation(one) and one.status == 200) as caught:
        live.django(RENAME.format(text="Nouveaux mots"))
    assert "flagConfigEtag=" in caught.value.url
    web.wait_for_function(f"cta.details('{SLOT}').value.text === 'Nouveaux mots'")
    assert web.evaluate("cta.changes") > 0
