from datetime import timedelta
from decimal import Decimal

import pytest

from experiments.models import CTAWording, Experiment, Variant
from experiments.selectors import serving
from experiments.services.lifecycle.drafts import duplicate_experiment
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.transitions import (
    archive_experiment,
    pause_experiment,
    resume_experiment,
    start_experiment,
    stop_experiment,
)
from tests import factories
from tests.factories import NOW, STARTED
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

Status = Experiment.Status
STEPS = {
    "start": lambda row: start_experiment(experiment=row, now=NOW),
    "pause": lambda row: pause_experiment(experiment=row, now=NOW),
    "resume": lambda row: resume_experiment(experiment=row, now=NOW),
    "stop": lambda row: stop_experiment(experiment=row, now=NOW),
    "archive": lambda row: archive_experiment(experiment=row, now=NOW),
}
WAYS_ON = {
    (Status.DRAFT, "start"): Status.RUNNING,
    (Status.RUNNING, "pause"): Status.PAUSED,
    (Status.RUNNING, "stop"): Status.STOPPED,
    (Status.PAUSED, "resume"): Status.RUNNING,
    (Status.PAUSED, "stop"): Status.STOPPED,
    (Status.STOPPED, "archive"): Status.ARCHIVED,
}


def in_state(slot, status):
    """An experiment of two arms in this state."""
    stamps = {} if status == Status.DRAFT else {"started_at": STARTED}
    if status in (Status.STOPPED, Status.ARCHIVED):
        stamps["stopped_at"] = STARTED + timedelta(days=1)
    return factories.make_experiment(slot, status=status, **stamps)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("status", Status)
def test_step_goes_only_where_its_state_leads(slot, status, step):
    experiment = in_state(slot, status)
    before = serving.config_revision()
    reached = WAYS_ON.get((status, step))
    assert STEPS[step](experiment) is (reached is not None)
    stored = Experiment.objects.get()
    assert stored.status == experiment.status == (reached or status)
    # Serving looks again if, and only if, something changed.
    assert serving.config_revision() == before + (reached is not None)


@pytest.mark.parametrize("step", STEPS)
def test_second_click_changes_nothing(slot, step):
    status = next(old for old, name in WAYS_ON if name == step)
    experiment = in_state(slot, status)
    other_tab = Experiment.objects.get()
    assert STEPS[step](experiment) is True
    assert STEPS[step](other_tab) is False
    assert other_tab.status == experiment.status


def test_start_and_stop_are_dated(draft):
    start_experiment(experiment=draft, now=STARTED)
    stop_experiment(experiment=draft, now=NOW)
    stored = Experiment.objects.get()
    assert (stored.started_at, stored.stopped_at) == (STARTED, NOW)
    assert (draft.started_at, draft.stopped_at) == (STARTED, NOW)


def reasons_against(experiment):
    """Why it cannot start; nothing is changed by the attempt."""
    with pytest.raises(CannotStartError) as refused:
        start_experiment(experiment=experiment, now=NOW)
    assert Experiment.objects.get(pk=experiment.pk).status == Status.DRAFT
    assert str(refused.value) == " ".join(refused.value.reasons)
    return refused.value.reasons


def test_experiment_without_arms_cannot_start(slot):
    draft = factories.make_experiment(slot, shares={})
    assert reasons_against(draft) == ["An experiment needs a control and at least one other arm."]


def test_experiment_of_one_arm_cannot_start(slot):
    draft = factories.make_experiment(slot, shares={"control": "1"})
    assert len(reasons_against(draft)) == 1


@pytest.mark.parametrize("share", ["0.4", "0.4999", "0.5001"])
def test_shares_that_do_not_sum_to_one_cannot_start(slot, share):
    draft = factories.make_experiment(slot, shares={"control": "0.5", "b": share})
    total = Decimal("0.5") + Decimal(share)
    assert reasons_against(draft) == [f"The shares sum to {total:.4f}, not to 1."]


def test_thirds_sum_to_one_in_steps_of_a_bucket(slot):
    shares = {"control": "0.3334", "b": "0.3333", "c": "0.3333"}
    draft = factories.make_experiment(slot, shares=shares)
    assert start_experiment(experiment=draft, now=NOW) is True


def test_arms_with_a_gap_cannot_start(draft):
    Variant.objects.filter(arm=1).update(arm=2)
    assert "without a gap" in reasons_against(draft)[0]


def test_arm_of_another_site_cannot_start(draft, other_site):
    Variant.objects.filter(arm=1).update(cta=factories.make_cta(other_site))
    assert reasons_against(draft) == ["Arm b shows a CTA of another site."]


def test_arm_without_wording_cannot_start(draft):
    CTAWording.objects.filter(cta__variants__key="b").delete()
    assert reasons_against(draft) == ["The CTA of arm b has no wording."]


def test_audience_and_namespace_of_another_site_cannot_start(draft, other_site):
    draft.audience = factories.make_audience(other_site)
    draft.namespace = other_site.namespaces.create(key="space", seed="space")
    draft.namespace_start, draft.namespace_end = Decimal(0), Decimal(1)
    draft.save()
    assert reasons_against(draft) == [
        "The audience belongs to another site.",
        "The namespace belongs to another site.",
    ]


def test_draft_is_judged_as_it_is_stored(draft, other_site):
    stale = Experiment.objects.get()
    draft.audience = factories.make_audience(other_site)
    draft.save()
    assert reasons_against(stale) == ["The audience belongs to another site."]


@pytest.mark.parametrize("status", [Status.RUNNING, Status.PAUSED])
def test_rival_on_the_same_slot_and_audience_keeps_it_from_starting(slot, status):
    factories.make_running_experiment(slot, "rival", status=status)
    draft = factories.make_experiment(slot)
    assert reasons_against(draft) == ["rival is live on the same slot and audience."]


def test_rival_that_is_stopped_or_elsewhere_does_not_matter(slot):
    factories.make_experiment(
        slot, "past", status=Status.STOPPED, started_at=STARTED, stopped_at=NOW
    )
    french = factories.make_audience(slot.site)
    factories.make_running_experiment(slot, "french", audience=french)
    factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "footer")
    draft = factories.make_experiment(slot)
    assert start_experiment(experiment=draft, now=NOW) is True


@pytest.mark.parametrize(
    ("start", "end", "starts"),
    [("0.5", "1", True), ("0.4999", "1", False), ("0", "0.1", False), ("0.2", "0.3", False)],
)
def test_namespace_lets_disjoint_ranges_run_together(slot, start, end, starts):
    space = slot.site.namespaces.create(key="space", seed="space")
    factories.make_running_experiment(
        slot, "rival", namespace=space, namespace_start="0", namespace_end="0.5"
    )
    draft = factories.make_experiment(
        slot, namespace=space, namespace_start=start, namespace_end=end
    )
    if starts:
        assert start_experiment(experiment=draft, now=NOW) is True
    else:
        assert reasons_against(draft) == ["rival is live on the same slot and audience."]


def test_other_namespace_or_none_does_not_keep_apart(slot):
    space = slot.site.namespaces.create(key="space", seed="space")
    part = {"namespace": space, "namespace_start": "0", "namespace_end": "0.5"}
    factories.make_running_experiment(slot, "rival", **part)
    assert reasons_against(factories.make_experiment(slot))
    other = slot.site.namespaces.create(key="other", seed="other")
    part = {"namespace": other, "namespace_start": "0.5", "namespace_end": "1"}
    assert reasons_against(factories.make_experiment(slot, "elsewhere", **part))


def test_running_experiment_is_not_judged_again(running_experiment):
    Variant.objects.filter(arm=1).update(share="0.1")
    assert start_experiment(experiment=running_experiment, now=NOW) is False


def test_duplicate_is_a_draft_with_the_same_plan_and_arms(slot):
    french = factories.make_audience(slot.site)
    original = factories.make_running_experiment(
        slot, shares={"control": "0.2", "b": "0.8"}, audience=french, seed="s", coverage="0.5"
    )
    copy = duplicate_experiment(experiment=original, key="again")
    stored = Experiment.objects.get(key="again")
    assert stored.pk == copy.pk != original.pk
    assert (stored.status, stored.started_at, stored.seed) == (Status.DRAFT, None, "")
    assert (stored.audience, stored.coverage) == (french, Decimal("0.5"))
    arms = [
        list(row.variants.order_by("arm").values_list("arm", "key", "cta", "share"))
        for row in (original, stored)
    ]
    assert arms[0] == arms[1]
    original.refresh_from_db()
    assert (original.key, original.status) == ("hero-test", Status.RUNNING)


def test_rivals_started_at_the_same_moment_leave_one_running(real_database):
    slot = factories.make_slot(factories.make_site())
    space = slot.site.namespaces.create(key="space", seed="space")
    # Ranges overlap, which no constraint of the database can tell.
    part = {"namespace": space, "namespace_start": "0", "namespace_end": "0.6"}
    for number in range(5):
        drafts = [factories.make_experiment(slot, f"{number}-{n}", **part) for n in range(3)]
        outcomes = in_threads(
            *(lambda one=one: start_experiment(experiment=one, now=NOW) for one in drafts)
        )
        refused = [one for one in outcomes if isinstance(one, CannotStartError)]
        assert (outcomes.count(True), len(refused)) == (1, 2)
        running = Experiment.objects.get(status=Status.RUNNING)
        stop_experiment(experiment=running, now=NOW)
