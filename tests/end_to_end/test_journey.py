"""The whole journey in a real browser, from an empty installation to a winner that everybody sees.

It is walked in both languages, widths and schemes, and in every pair of them. Its pages are seen
in all eight together: each walk looks at them in the other scheme, too.

Clicks and typed fields from a site with one slot to a live test are counted in
`test_end_of_test.py`.
"""

import json
import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from email import message_from_string, policy
from itertools import count
from time import monotonic
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect
from standardwebhooks.webhooks import Webhook

from experiments.management.visitor_simulation import Visits, simulate
from tests.accounts.conftest import PASSWORD
from tests.databases import made_once
from tests.end_to_end.admin_walk import AXE, OVERFLOW
from tests.end_to_end.archive_search import assert_found_by_meaning
from tests.end_to_end.conftest import PATIENCE, settle
from tests.end_to_end.fake_service import FakeSite
from tests.end_to_end.live_service import LiveService
from tests.end_to_end.prepared_data import copy_database, copy_empty_data
from tests.end_to_end.served_wordings import WAIT_S, answer_of_the_service, wait_until_all_see
from tests.end_to_end.test_end_of_test import is_complaint, wait_for_pages
from tests.missing import node
from tests.ml.stored_predictor import TINY_ENCODER, make_predictor
from tests.node import CLIENTS
from tests.receiver import receiving

pytestmark = pytest.mark.slow

SECRET = "k" * 50
# English wordings with words that won, and that lost, in the past tests of the predictor.
TEXTS = {
    "en": {"control": "plain thing1", "b": "free thing1", "c": "register thing1"},
    "fr": {"control": "S\u2019inscrire", "b": "Essayer gratuitement", "c": "Commander"},
}
# Of the predictor, to a language that it has not read.
REFUSAL = "Pas de prédiction."
# However the visitors are split: no arm has fewer clicks than a verdict asks for.
WINNER = {"control": 0.2, "b": 0.6, "c": 0.2}
VISITORS = 900
# Of sites: no two of a run have the same.
NUMBERS = count(100, 100)

# A person, and the predictor that all tests share, put into use; it has read English.
BEGIN = f"""
import pickle
from pathlib import Path
from django.conf import settings
from django.contrib.auth.models import User
from django.utils import timezone
from ml.registry import promote_version, register_version
User.objects.create_superuser("ada", "ada@example.org", "{PASSWORD}")
result = pickle.loads(Path(settings.DATA_DIR, "result").read_bytes())
version = register_version(strategy=result.served, artifact="p1", manifest=result.manifest,
    now=timezone.now())
promote_version(number=version.number)
"""
# Nine days pass: nothing else of the test is touched.
NINE_DAYS_LATER = """
from datetime import timedelta
from django.db.models import F
from experiments.models import Experiment, Phase
from experiments.services.catalogue.config_revision import bump_revision
for rows in (Experiment.objects.all(), Phase.objects.all()):
    rows.update(started_at=F("started_at") - timedelta(days=9))
bump_revision()
"""
# What the worker does by the clock.
WORK = """
from experiments import tasks
from experiments.services.notices.delivery import deliver_notices
tasks.fold_rollups()
tasks.keep_standings()
# A run ends after some time: what is left comes in the next one.
while deliver_notices():
    pass
"""


# The theme reads the scheme of the browser when a page has loaded.
SWITCH = "(isDark) => document.documentElement.classList.toggle('dark', isDark)"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """An installation with a scoring service; a copy of its first database lies beside it."""
    folder = tmp_path_factory.mktemp("journey")
    variables = {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "SECRET_KEY": SECRET,
        "CTAOPT_ENCODER": str(TINY_ENCODER),
        "CTAOPT_SCORING_URL": f"unix:{folder}/s.sock",
        "CTAOPT_MAIL_URL": f"filemail:///{folder}/mail",
        "CTAOPT_PRIVATE_WEBHOOKS": "1",
    }
    service = LiveService(folder, prepare=copy_data_with_predictor, **variables)
    try:
        service.start_scoring()
        service.django(BEGIN)
        copy_database(database_of(service), folder / "first.sqlite3")
        wait_for_pages(service)
        yield service
    finally:
        service.stop()


def copy_data_with_predictor(data):
    copy_empty_data(data)
    made = made_once("predictor", make_predictor)
    shutil.copytree(made / "p1", data / "models" / "p1")
    shutil.copy(made / "result", data)


def database_of(service):
    return service.folder / "data" / "ctaopt.sqlite3"


@pytest.fixture
def live(service):
    """The installation, in which nobody has done anything yet but put a predictor into use."""
    copy_database(service.folder / "first.sqlite3", database_of(service))
    # A process notes by its key that a site's snippet was seen, and writes it down some time later:
    # what it still holds of the site of the test before is of none of this one.
    with closing(sqlite3.connect(database_of(service))) as database, database:
        database.execute("DELETE FROM sqlite_sequence WHERE name = 'experiments_site'")
        row = ("experiments_site", next(NUMBERS))
        database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", row)
    shutil.rmtree(service.folder / "mail", ignore_errors=True)
    return service


@pytest.fixture
def shop():
    """The marketer's own site."""
    site = FakeSite()
    yield site
    site.stop()


VIEWS = [("en", 1280, "light"), ("en", 390, "dark"), ("fr", 1280, "dark"), ("fr", 390, "light")]


@pytest.fixture(params=VIEWS, ids=lambda view: "-".join(map(str, view)))
def visit(request, chromium, live, axe):
    """The marketer's browser, logged in: page, language, and what the console complained of."""
    language, width, scheme = request.param
    context = chromium.new_context(
        locale=language,
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        bypass_csp=True,
    )
    page = context.new_page()
    complaints = []
    page.on("console", lambda one: is_complaint(one) and complaints.append(one.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(f"{live.url}/account/login/?next=/admin/")
    page.fill("[name=login]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.click("main button[type=submit]")
    page.wait_for_url("**/admin/")

    def look():
        """No page is wider than its screen or breaks a rule, in either scheme."""
        page.evaluate(axe)
        for one in ({"light": "dark", "dark": "light"}[scheme], scheme):
            page.emulate_media(color_scheme=one)
            page.evaluate(SWITCH, one == "dark")
            assert page.evaluate(OVERFLOW) == 0
            assert page.evaluate(AXE) == []

    yield SimpleNamespace(page=page, language=language, complaints=complaints, look=look)
    settle(page)
    context.close()


@pytest.fixture(scope="module")
def axe():
    node(CLIENTS)
    return (CLIENTS / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8")


def open_step(page, live, link):
    """Follow a link of the first steps on the home."""
    page.goto(f"{live.url}/admin/")
    # Until it has loaded: a form then moves the focus to its first field, away from what is typed.
    with page.expect_navigation():
        page.click(f"#first-steps a[href*='{link}']")


def save(page):
    with page.expect_navigation():
        page.locator("[name=_save]").first.click()


def add_site(page, live, shop, language):
    open_step(page, live, "/site/compose/")
    page.fill("[name=name]", "Lumière")
    page.fill("[name=address]", shop.origin)
    page.fill("[name=default_locale]", language)
    save(page)


def copied_code(page, live):
    """Return the snippet's code, as the first steps show it, and the key in it."""
    page.goto(f"{live.url}/admin/")
    code = page.locator("#snippet-code").inner_text()
    return code, code.split('data-key="')[1].split('"')[0]


def embed_snippet(code, shop, visitor):
    """Put the code into a page of the shop, which one visitor opens."""
    link = '<a data-cta-slot="top" href="/signup">Sign up</a>'
    shop.pages["/"] = [f"<!doctype html><title>Shop</title>{code}<body>{link}</body>"]
    visitor.goto(shop.origin)


def add_slot(page, live, text, language):
    """Write down what visitors see now, and name its place."""
    open_step(page, live, "/cta/compose/")
    page.fill(f"[name=wording_{language}]", text)
    page.fill("[name=destination]", "/signup")
    page.locator("button[name=action][value=save]").click()
    page.wait_for_url("**/studio/")
    open_step(page, live, "/slot/compose/")
    page.fill("[name=name]", "Top")
    page.select_option("[name=default_cta]", label=text)
    save(page)


def add_webhook(page, live, receiver, language):
    """Return the secret with which the receiver checks what comes."""
    page.goto(f"{live.url}/admin/experiments/webhook/compose/")
    page.fill("[name=name]", "Chat")
    page.fill("[name=url]", receiver.url())
    page.select_option("select[name=language]", language)
    save(page)
    return page.locator("#webhook-secret").inner_text()


def start_test(visit, live, texts):
    """Type two wordings beside the present one, read the prediction, and start."""
    page, language = visit.page, visit.language
    open_step(page, live, "/experiment/new/")
    page.fill(f"[name=wordings_{language}]", f"{texts['b']}\n{texts['c']}")
    expect(page.locator("#wizard-drawn")).to_contain_text(texts["c"])
    predicted = page.locator("#wizard-prediction")
    if language == "en":
        expect(predicted.locator("dl.cta-figures")).to_have_count(2)
    else:
        expect(predicted.locator(".cta-warning")).to_contain_text(REFUSAL)
    visit.look()
    page.locator("button[name=action][value=start]").click()
    page.wait_for_url("**/report/")


def send_visitors(live, key, language):
    now = datetime.now(UTC)
    tally = simulate(
        Visits(
            url=live.url,
            key=key,
            slot="top",
            visitors=VISITORS,
            seed=7,
            rates=WINNER,
            since=now - timedelta(days=8),
            spread=timedelta(days=8),
            locale=language,
            threads=2,
        )
    )
    assert (len(tally.arms), tally.outside) == (VISITORS, 0)


def mails(live):
    """The mails that were sent, with their texts."""
    texts = (path.read_text() for path in sorted((live.folder / "mail").iterdir()))
    found = [part for text in texts for part in text.split("-" * 79 + "\n") if part.strip()]
    return [message_from_string(one, policy=policy.default) for one in found]


def deliveries(live):
    """State of each mail and call, and why it failed; read without the service's own code."""
    with closing(sqlite3.connect(database_of(live))) as database:
        return database.execute("SELECT state, error FROM experiments_delivery").fetchall()


def standings(live):
    """Status and visitors of each kept standing, with the visitors that are counted."""
    with closing(sqlite3.connect(database_of(live))) as database:
        kept = database.execute("SELECT status, visitors FROM experiments_standing").fetchall()
        counted = database.execute(
            "SELECT day, phase, SUM(visitors) FROM experiments_rollup"
            " WHERE segment = '' GROUP BY day, phase"
        ).fetchall()
    return kept, counted


def assert_told(live, receiver, secret, winner):
    """The verdict came once by mail, and once, signed, to the webhook."""
    assert set(deliveries(live)) == {("sent", "")}
    sent = mails(live)
    of_verdict = [one for one in sent if winner in one["Subject"]]
    assert len(of_verdict) == 1, ([one["Subject"] for one in sent], standings(live))
    (mail,) = of_verdict
    assert mail["To"] == "ada@example.org"
    assert winner in mail.get_body(("html",)).get_content()
    came = {}
    for _path, headers, body in receiver.came:
        Webhook(secret).verify(body, {name.lower(): text for name, text in headers.items()})
        content = json.loads(body)
        came.setdefault(content["type"], []).append(content["data"])
    assert sorted(came) == ["ctaopt.started", "ctaopt.verdict"]
    assert [len(all_of) for all_of in came.values()] == [1, 1]
    assert came["ctaopt.verdict"][0]["facts"]["winner"] == "b"


def nine_days_later(page, live, key, language):
    """Move the start, and wait until events since then are of the test for the service, too."""
    live.django(NINE_DAYS_LATER)
    with closing(sqlite3.connect(database_of(live))) as database:
        ((stored,),) = database.execute("SELECT number FROM experiments_configrevision")
    deadline = monotonic() + WAIT_S
    while answer_of_the_service(live, key, "one", language)["metadata"]["revision"] < stored:
        assert monotonic() < deadline
        page.wait_for_timeout(200)


def new_visitor(chromium):
    page = chromium.new_context(locale="en-GB").new_page()
    page.add_init_script(PATIENCE)
    return page


def open_next_page(visitor, shop, text):
    """Open two pages of the shop: what is new comes with the second one of a visit."""
    visitor.goto(shop.origin)
    is_stored = "text => Object.values(localStorage).some(one => one.includes(text))"
    visitor.wait_for_function(is_stored, arg=text)
    visitor.goto(shop.origin)


def test_empty_installation_becomes_a_winner_that_everybody_sees(chromium, live, shop, visit):
    page, language = visit.page, visit.language
    texts = TEXTS[language]
    visitor = new_visitor(chromium)
    with receiving() as receiver:
        add_site(page, live, shop, language)
        add_slot(page, live, texts["control"], language)
        code, key = copied_code(page, live)
        wait_until_all_see(page, live, key, language, texts["control"])
        embed_snippet(code, shop, visitor)
        expect(visitor.locator("a")).to_have_text(texts["control"])
        secret = add_webhook(page, live, receiver, language)
        page.goto(f"{live.url}/admin/")
        # The page asks again by itself until the snippet was seen.
        expect(page.locator("#first-steps .cta-step-done")).to_have_count(3)
        visit.look()
        start_test(visit, live, texts)

        nine_days_later(page, live, key, language)
        send_visitors(live, key, language)
        live.django(WORK)
        assert_told(live, receiver, secret, texts["b"])
    page.goto(f"{live.url}/admin/")
    page.locator("a[href*='/end/?']", has_text=texts["b"]).click()
    expect(page.locator("[name=outcome]:checked")).to_have_value("winner:b")
    expect(page.locator("[name=promotes]")).to_be_checked()
    visit.look()
    page.locator("main form button.cta-button-main").dblclick()
    page.wait_for_url("**/report/")
    visit.look()

    wait_until_all_see(page, live, key, language, texts["b"])
    # Whoever had seen another wording, and whoever comes for the first time.
    for one in (visitor, new_visitor(chromium)):
        open_next_page(one, shop, texts["b"])
        expect(one.locator("a")).to_have_text(texts["b"])
        settle(one)
        one.context.close()
    assert_found_by_meaning(live, visit, texts)
    assert visit.complaints == []
