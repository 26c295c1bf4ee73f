import re
from dataclasses import replace
from datetime import timedelta

from experiments.models import SnippetSighting
from experiments.services.drafting.building import build_experiment
from experiments.services.drafting.checks import Level, blocking_faults, checks_of
from tests import factories
from tests.factories import NOW


def checks(choices):
    draft = build_experiment(choices, now=NOW)
    return {one.text: one.level for one in checks_of(draft, choices, None, now=NOW)}


def test_snippet_that_was_never_seen_is_a_warning(choices):
    text = "The snippet was never seen on this site: without it, nobody sees the test."
    assert checks(choices)[text] == Level.WARN
    seen = NOW - timedelta(minutes=3)
    SnippetSighting.objects.create(site=choices.slot.site, seen_at=seen, path="/signup")
    assert text not in checks(choices)


def test_visitors_without_the_snippet_are_not_called_impossible(choices):
    test = factories.make_running_experiment(choices.slot, "before")
    factories.make_rollup(test.variants.first(), visitors=40, day=NOW.date())
    found = checks(choices)
    assert not any("never seen on this site" in text for text in found)
    text = "Visitors of tests on this slot come without the snippet: by code of your own."
    assert found[text] == Level.GOOD


def test_hard_to_read_colours_are_a_warning(choices):
    cta = choices.slot.default_cta
    cta.background_color, cta.text_color = "#ffffff", "#eeeeee"
    cta.save()
    found = checks(choices)
    assert any("“Start now”" in text and level == Level.WARN for text, level in found.items())


def test_gesture_in_a_wording_is_a_warning_and_blocks_nothing(choices):
    choices.slot.default_cta.wordings.update(text="Click here to start")
    text = (
        "“Click here to start”: “click here” says what the hand does, not what one gets: name that"
        " instead."
    )
    assert checks(choices)[text] == Level.WARN
    assert blocking_faults(build_experiment(choices, now=NOW), choices) == []


def test_missing_text_and_impossible_audience_block(choices):
    nobody = {"$and": [{"device": "mobile"}, {"device": "desktop"}]}
    audience = factories.make_audience(choices.slot.site, "nobody", nobody)
    asked = replace(choices, audience=audience, gaps=("Wording 1 has no text in: French.",))
    faults = blocking_faults(build_experiment(asked, now=NOW), asked)
    assert faults[0] == "Wording 1 has no text in: French."
    assert "matches nobody" in faults[1]


def test_older_test_of_everybody_blocks(choices):
    factories.make_running_experiment(choices.slot, "older")
    found = checks(choices)
    assert found["“older” is live on the same slot and audience."] == Level.BLOCK
    assert list(found.values()) == sorted(found.values(), key=list(Level).index)


def test_site_that_asks_for_approval_says_so_before_the_start(choices):
    site = choices.slot.site
    type(site).objects.filter(pk=site.pk).update(needs_approval=True)
    site.refresh_from_db()
    text = "A second person has to approve it first: ask for an approval."
    # No fault: the page offers to ask for it.
    assert checks(choices)[text] == Level.WARN
    assert text not in blocking_faults(build_experiment(choices, now=NOW), choices)


def test_slot_that_no_visitor_has_met_is_a_warning(choices):
    text = (
        "No test on this slot has had a visitor yet: make sure that a page has the slot “hero”, "
        "and look at a preview there."
    )
    assert checks(choices)[text] == Level.WARN
    ended = {"status": "stopped", "stopped_at": NOW}
    past = factories.make_running_experiment(choices.slot, "past", **ended)
    arm = past.variants.get(arm=0)
    day = NOW.date() - timedelta(days=3)
    factories.make_rollup(arm, visitors=0)
    assert text in checks(choices)
    factories.make_rollup(arm, visitors=5, day=day)
    seen = "A page has the slot: the last visitor of a test on it came on 19 Nov 2026."
    assert checks(choices)[seen] == Level.GOOD


def test_arm_that_is_much_heavier_than_the_others_is_a_warning(choices):
    light = [text for text in checks(choices) if text.startswith("No arm slows the page down")]
    # The arms differ by the bytes of their words; the rest is the same.
    low, high = map(int, re.findall(r"\d+", light[0]))
    assert 150 < low < high < 300
    heavy = "/" + "x" * 1_500
    draft = build_experiment(choices, now=NOW)
    cta = draft.variants.get(arm=2).cta
    cta.destination = heavy
    cta.save()
    found = {one.text: one.level for one in checks_of(draft, choices, None, now=NOW)}
    (text,) = (text for text in found if text.startswith("The heaviest arm sends"))
    assert found[text] == Level.WARN
    assert int(re.findall(r"\d+", text.replace(",", ""))[0]) > 1_500
