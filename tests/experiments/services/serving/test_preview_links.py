from datetime import timedelta

import pytest
import time_machine

from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.preview_links import (
    MAX_AGE_S,
    RefusedPreviewError,
    preview_link,
    preview_of,
    preview_token,
    previewed_arm,
)
from tests import factories
from tests.experiments.services.serving.visitors import served
from tests.factories import NOW
from tests.intake import ingest


def arm_b(experiment):
    return experiment.variants.get(key="b")


def shown(site, token, slot="hero", visitor="v-1"):
    return evaluate_slot(site, slot, visitor=visitor, attributes={"preview": token})


@pytest.mark.parametrize("state", ["draft", "running_experiment"])
def test_link_shows_its_arm_to_anybody_whatever_the_state(state, request):
    experiment = request.getfixturevalue(state)
    token, site = preview_token(arm_b(experiment)), served()
    found = {
        (one.variant, one.value["text"], one.is_preview, one.reason, one.experiment)
        for one in (shown(site, token, visitor=f"v-{n}") for n in range(10))
    }
    assert found == {("preview:b", "hero-test b", True, "TARGETING_MATCH", None)}


def test_other_slots_of_the_page_show_their_defaults_uncounted(running_experiment, site):
    factories.make_running_experiment(factories.make_slot(site, "footer"), "footer-test")
    token = preview_token(arm_b(running_experiment))
    one = shown(served(), token, slot="footer")
    assert (one.variant, one.experiment, one.is_preview) == ("default", None, True)


def test_preview_costs_a_query_only_on_its_own_slot(
    running_experiment, site, django_assert_num_queries
):
    factories.make_slot(site, "footer")
    token, whole = preview_token(arm_b(running_experiment)), served()
    with django_assert_num_queries(2):
        shown(whole, token)
    with django_assert_num_queries(0):
        shown(whole, token, slot="footer")
        shown(whole, "forged")
        shown(whole, "")


def test_link_of_another_site_is_invalid(running_experiment, other_site):
    factories.make_running_experiment(factories.make_slot(other_site), "rival-test")
    token = preview_token(arm_b(running_experiment))
    one = shown(served("rival-client-key"), token)
    assert (one.preview_error, one.is_preview) == ("invalid", False)
    assert one.variant in ("control", "b")


@pytest.mark.parametrize("token", ["forged", "a:b:c", "é", "x" * 10_000], ids=lambda t: t[:6])
def test_forged_link_is_not_followed(running_experiment, token):
    one, plain = (
        shown(served(), token),
        evaluate_slot(served(), "hero", visitor="v-1", attributes={}),
    )
    assert (one.variant, one.preview_error) == (plain.variant, "invalid")


def test_changed_link_is_not_followed(running_experiment):
    token = preview_token(arm_b(running_experiment))
    with pytest.raises(RefusedPreviewError, match="invalid"):
        preview_of("X" + token[1:], site_id=running_experiment.slot.site_id)


def test_link_expires(running_experiment):
    with time_machine.travel(NOW, tick=False):
        token = preview_token(arm_b(running_experiment))
    with time_machine.travel(NOW + timedelta(seconds=MAX_AGE_S - 1), tick=False):
        assert shown(served(), token).is_preview
    with time_machine.travel(NOW + timedelta(seconds=MAX_AGE_S + 1), tick=False):
        assert shown(served(), token).preview_error == "expired"


def test_link_of_an_arm_that_is_gone_is_invalid(draft):
    site = served()
    token = preview_token(arm_b(draft))
    arm_b(draft).delete()
    assert shown(site, token).preview_error == "invalid"
    with pytest.raises(RefusedPreviewError, match="invalid"):
        previewed_arm(preview_of(token, site_id=draft.slot.site_id))


def test_error_of_a_link_is_not_remembered_for_others(running_experiment):
    site = served()
    shown(site, "forged")
    plain = evaluate_slot(site, "hero", visitor="v-1", attributes={})
    assert plain.preview_error is None


def test_events_of_a_preview_are_refused(running_experiment):
    message = factories.event_message(variant="preview:b")
    receipt = ingest(site=served(), items=[message], now=NOW)
    assert receipt.accepted == 0
    assert receipt.rejected[0].reason == "variant: a preview is not counted"


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("https://shop.example/", "https://shop.example/?ctaopt_preview=T"),
        ("https://shop.example", "https://shop.example?ctaopt_preview=T"),
        ("/pricing?a=1&ctaopt_preview=old#top", "/pricing?a=1&ctaopt_preview=T#top"),
    ],
)
def test_link_is_the_page_with_the_token(page, link):
    assert preview_link(page, "T") == link


def test_link_outlives_a_rotation_of_the_secret(running_experiment, settings):
    token = preview_token(arm_b(running_experiment))
    former, settings.SECRET_KEY = settings.SECRET_KEY, "n" * 40
    settings.SECRET_KEY_FALLBACKS = [former]
    assert shown(served(), token).is_preview
    settings.SECRET_KEY_FALLBACKS = []
    assert shown(served(), token).preview_error == "invalid"
