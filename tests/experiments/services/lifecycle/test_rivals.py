from decimal import Decimal

import pytest
from django.utils import translation

from experiments.models import Experiment, RampStep
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.ramps import PlannedStep, set_ramp
from experiments.services.lifecycle.readiness import CannotStartError, readiness_faults
from experiments.services.lifecycle.rivals import in_serving_order, meeting_notes, rivals_of
from experiments.services.lifecycle.schedules import tend_experiments
from experiments.services.lifecycle.traffic_allocation import CannotChangeError, change_traffic
from experiments.services.lifecycle.transitions import resume_experiment, start_experiment
from experiments.services.serving.arm_assignment import draw
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.on_both_databases

MOBILE, TABLET = {"device": "mobile"}, {"device": "tablet"}
FRENCH_MOBILE = {"device": "mobile", "locale": "fr"}


def audience(slot, name, condition):
    return factories.make_audience(slot.site, name, condition)


def running(slot, key, condition=None, **changes):
    who = audience(slot, f"of-{key}", condition) if condition else None
    return factories.make_running_experiment(slot, key, audience=who, **changes)


def draft_for(slot, condition=None, key="draft", **changes):
    who = audience(slot, f"of-{key}", condition) if condition else None
    return factories.make_experiment(slot, key, audience=who, **changes)


def namespaced(slot, start, end, key="space", **changes):
    space, _ = slot.site.namespaces.get_or_create(key=key, defaults={"seed": key})
    ends = {"namespace_start": Decimal(start), "namespace_end": Decimal(end)}
    return {"namespace": space, **ends, **changes}


def drawn(slot, visitor, **attributes):
    snapshot = build_snapshot(revision=1, now=NOW)
    served = snapshot.client_keys["shop-client-key"]
    found = draw(served, served.slots[slot.key], visitor=visitor, attributes=attributes)
    return found.experiment.key if found else None


def test_more_specific_audience_goes_first_whichever_starts_first(slot):
    running(slot, "everybody")
    draft = draft_for(slot, MOBILE)
    assert meeting_notes(draft) == [
        "This test has the more specific audience and goes first: its visitors leave “everybody”,"
        " which keeps the others."
    ]
    assert start_experiment(experiment=draft, now=NOW)
    assert drawn(slot, "v-1", device="mobile") == "draft"
    assert drawn(slot, "v-1", device="desktop") == "everybody"


def test_wider_audience_gets_what_the_specific_one_leaves(slot):
    running(slot, "phones", MOBILE)
    draft = draft_for(slot)
    assert meeting_notes(draft) == [
        "“phones” goes first on this slot: this test gets only visitors whom the audience of"
        " “phones” does not take in."
    ]
    assert start_experiment(experiment=draft, now=NOW)
    assert drawn(slot, "v-1", device="mobile") == "phones"
    assert drawn(slot, "v-1", device="desktop") == "draft"


def test_coverage_leaves_a_part_of_the_shared_visitors(slot):
    running(slot, "phones", MOBILE, coverage=Decimal("0.25"))
    assert meeting_notes(draft_for(slot))[0].startswith(
        "“phones” goes first on this slot: it takes 25% of the visitors that both take in"
    )


def test_crossing_audiences_go_by_their_start(slot):
    running(slot, "phones", MOBILE)
    draft = draft_for(slot, {"locale": "fr"})
    assert start_experiment(experiment=draft, now=NOW)
    assert drawn(slot, "v-1", device="mobile", locale="fr") == "phones"
    assert drawn(slot, "v-1", device="tablet", locale="fr") == "draft"


def test_audiences_apart_are_no_rivals(slot):
    running(slot, "phones", MOBILE)
    assert rivals_of(draft_for(slot, TABLET)) == []


def test_audience_made_up_of_others_cannot_start(slot):
    """The second test would start and never see a visitor."""
    running(slot, "phones", MOBILE)
    running(slot, "rest", {"device": {"$ne": "mobile"}})
    assert readiness_faults(draft_for(slot)) == [
        "It would have no visitor: “phones”, “rest” go first on this slot and take everybody whom"
        " its audience takes in."
    ]


def test_older_equal_condition_of_another_audience_keeps_it_from_starting(slot):
    running(slot, "phones", MOBILE)
    twin = draft_for(slot, {"device": {"$in": ["mobile"]}})
    assert readiness_faults(twin) == ["“phones” is live on the same slot and audience."]


def test_rival_of_the_same_audience_is_a_fault_and_no_note(slot):
    running(slot, "phones", MOBILE)
    running(slot, "everybody")
    twin = draft_for(slot, MOBILE, "twin")
    assert readiness_faults(twin) == ["“phones” is live on the same slot and audience."]
    (note,) = meeting_notes(twin)
    assert "“everybody”" in note


def test_sentences_name_tests_as_people_call_them(slot):
    running(slot, "hero-2026-09", MOBILE, name="Autumn offer")
    assert meeting_notes(draft_for(slot)) == [
        "“Autumn offer” goes first on this slot: this test gets only visitors whom the audience of"
        " “Autumn offer” does not take in."
    ]
    with translation.override("fr"):
        assert readiness_faults(draft_for(slot, MOBILE, "twin")) == [
            "«\u00a0Autumn offer\u00a0» est déjà en cours sur le même emplacement et la même"
            " audience."
        ]


def test_experiment_may_not_starve_another(slot):
    running(slot, "everybody")
    running(slot, "phones", MOBILE)
    rest = draft_for(slot, {"device": {"$ne": "mobile"}})
    assert readiness_faults(rest) == [
        "It would leave “everybody”, which is live on this slot, without a visitor."
    ]


def test_whole_namespace_takes_everybody_of_its_audience(slot):
    running(slot, "first", MOBILE, **namespaced(slot, "0", "0.5"))
    running(slot, "second", MOBILE, **namespaced(slot, "0.5", "1"))
    running(slot, "rest", {"device": {"$ne": "mobile"}})
    (fault,) = readiness_faults(draft_for(slot))
    assert "“rest”, “first”, “second” go first" in fault


def test_part_of_a_namespace_leaves_the_rest(slot):
    running(slot, "half", {"device": {"$in": ["mobile"]}}, **namespaced(slot, "0", "0.4"))
    draft = draft_for(slot)
    assert readiness_faults(draft) == []
    assert "40% of the visitors" in meeting_notes(draft)[0]


def test_ranges_of_a_namespace_may_not_overlap_on_any_slot(slot):
    footer = factories.make_slot(slot.site, "footer")
    running(footer, "rival", **namespaced(slot, "0.1", "0.4"))
    draft = draft_for(slot, **namespaced(slot, "0.3", "0.6"))
    assert readiness_faults(draft) == [
        "Its range of the namespace space overlaps that of “rival”, which is live (10% to 40%)."
        " Free are: 0% to 10%, 40% to 100%."
    ]
    apart = draft_for(slot, None, "apart", **namespaced(slot, "0.4", "0.6"))
    assert readiness_faults(apart) == []


def test_ranges_may_overlap_where_audiences_share_nobody(slot):
    footer = factories.make_slot(slot.site, "footer")
    running(footer, "rival", MOBILE, **namespaced(slot, "0.1", "0.4"))
    draft = draft_for(slot, TABLET, **namespaced(slot, "0.3", "0.6"))
    assert readiness_faults(draft) == []


@pytest.mark.parametrize("which", ["namespace", "holdout"])
def test_seed_that_cuts_off_whole_arms_is_refused(slot, which):
    part = namespaced(slot, "0", "0.5") if which == "namespace" else {}
    if which == "holdout":
        slot.site.holdout, slot.site.holdout_seed = Decimal("0.1"), "space"
        slot.site.save()
    (fault,) = readiness_faults(draft_for(slot, seed="space", **part))
    assert "whole arms" in fault


def test_scheduled_draft_without_visitors_does_not_start_and_says_why(slot):
    running(slot, "phones", MOBILE)
    running(slot, "rest", {"device": {"$ne": "mobile"}})
    draft = draft_for(slot, starts_at=NOW)
    assert tend_experiments(now=NOW).not_started == ("draft",)
    assert "would have no visitor" in draft.changes.get().note


def test_coverage_of_a_live_one_cannot_take_the_last_visitors(slot):
    first = running(slot, "first", MOBILE | {"locale": "fr"}, coverage=Decimal("0.5"))
    second = running(slot, "second", {"device": "mobile", "locale": {"$regex": "^fr"}})
    assert rivals_of(second)
    wide = running(slot, "wide", coverage=Decimal("0.5"))
    late = running(slot, "late", {"$not": {"$and": [MOBILE, TABLET]}})
    with pytest.raises(CannotChangeError, match="late"):
        change_traffic(experiment=wide, coverage=Decimal(1), occasion=Occasion(now=NOW))
    assert change_traffic(experiment=first, coverage=Decimal(1), occasion=Occasion(now=NOW))
    assert late.status == Experiment.Status.RUNNING


def test_ramp_counts_by_its_last_step(slot):
    first = running(slot, "first", coverage=Decimal("0.1"))
    RampStep.objects.create(experiment=first, number=0, coverage="0.1", reached_at=STARTED)
    RampStep.objects.create(experiment=first, number=1, coverage="1")
    equal = draft_for(slot, {"$not": {"$and": [MOBILE, TABLET]}})
    assert readiness_faults(equal) == ["“first” is live on the same slot and audience."]


def test_ramp_of_a_live_one_cannot_end_at_the_last_visitors(slot):
    first = running(slot, "first", coverage=Decimal("0.5"))
    running(slot, "late", {"$not": {"$and": [MOBILE, TABLET]}})
    steps = [PlannedStep(coverage=Decimal("0.6")), PlannedStep(coverage=Decimal(1))]
    with pytest.raises(CannotChangeError, match="late"):
        set_ramp(experiment=first, steps=steps, occasion=Occasion(now=NOW))
    set_ramp(experiment=first, steps=steps[:1], occasion=Occasion(now=NOW))


def test_paused_experiment_resumes_only_with_visitors(slot):
    """Two of before this rule: the first was paused, and the second took its place."""
    paused = running(slot, "paused", MOBILE, status=Experiment.Status.PAUSED)
    twin = running(slot, "twin", {"device": {"$in": ["mobile"]}})
    with pytest.raises(CannotStartError, match="twin"):
        resume_experiment(experiment=paused, now=NOW)
    twin.delete()
    assert resume_experiment(experiment=paused, now=NOW)


def test_what_cannot_be_decided_is_said(slot):
    running(slot, "shop", {"path": {"$regex": "^/(a|b)$"}})
    draft = draft_for(slot, {"path": {"$regex": "^/c"}})
    assert readiness_faults(draft) == []
    assert meeting_notes(draft) == [
        "The two conditions do not show whether this test and “shop” share visitors; if they do,"
        " “shop” goes first for them."
    ]


def test_order_follows_the_start_whatever_order_is_given(slot):
    old = running(slot, "old", {"locale": "fr"})
    new = running(slot, "new", MOBILE, started_at=NOW)
    inner = running(slot, "inner", FRENCH_MOBILE, started_at=NOW)
    assert in_serving_order([inner, new, old]) == [inner, old, new]
