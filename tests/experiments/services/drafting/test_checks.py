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


def test_hard_to_read_colours_are_a_warning(choices):
    cta = choices.slot.default_cta
    cta.background_color, cta.text_color = "#ffffff", "#eeeeee"
    cta.save()
    found = checks(choices)
    assert any("“Start now”" in text and level == Level.WARN for text, level in found.items())


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
    assert found["older is live on the same slot and audience."] == Level.BLOCK
    assert list(found.values()) == sorted(found.values(), key=list(Level).index)


def test_site_that_asks_for_approval_says_so_before_the_start(choices):
    site = choices.slot.site
    type(site).objects.filter(pk=site.pk).update(needs_approval=True)
    site.refresh_from_db()
    text = "A second person has to approve it first: ask for an approval."
    # No fault: the page offers to ask for it.
    assert checks(choices)[text] == Level.WARN
    assert text not in blocking_faults(build_experiment(choices, now=NOW), choices)
