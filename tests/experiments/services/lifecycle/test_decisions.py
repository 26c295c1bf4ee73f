from datetime import timedelta

import pytest

from experiments.models import Decision, Experiment, Variant
from experiments.selectors import serving
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.decisions import (
    CannotDecideError,
    CannotUndoError,
    Choice,
    Figures,
    SlotChangedError,
    decide_experiment,
    missing_locales,
    undo_promotion,
)
from experiments.services.lifecycle.transitions import pause_experiment, stop_experiment
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

Status = Experiment.Status
FIGURES = Figures(verdict="ship", visitors=900, arm="b", lift=0.4, p_value=0.002)
B_WINS = Choice(outcome="winner", arm="b", note="Shorter.", promotes=True)


def decide(experiment, choice=B_WINS, *, now=NOW, author=None):
    """Decide as a page does, with what its report said."""
    return decide_experiment(
        experiment=experiment,
        choice=choice,
        figures=FIGURES,
        occasion=Occasion(now=now, author=author),
    )


def undo(experiment, *, now=NOW):
    return undo_promotion(experiment=experiment, occasion=Occasion(now=now))


def default_of(slot):
    slot.refresh_from_db()
    return slot.default_cta.name


def shown_to(experiment, visitor="v-1"):
    """The wording that this visitor is served."""
    site = experiment.slot.site
    served = build_snapshot(revision=1, now=NOW).client_keys[site.client_key]
    key = experiment.slot.key
    return evaluate_slot(served, key, visitor=visitor, attributes={}).value["text"]


def kinds(experiment):
    return list(experiment.changes.order_by("pk").values_list("kind", flat=True))


def test_winner_is_shown_to_everybody_from_the_stop_on(running_experiment, owner):
    before = serving.config_revision()
    assert decide(running_experiment, author=owner)
    assert running_experiment.status == Status.STOPPED
    decision = Decision.objects.get()
    assert (decision.outcome, decision.winner.key) == ("winner", "b")
    assert (decision.verdict, decision.visitors, decision.compared.key) == ("ship", 900, "b")
    assert (decision.lift, decision.p_value, decision.author) == (0.4, 0.002, owner)
    assert default_of(running_experiment.slot) == "hero-test b"
    assert {shown_to(running_experiment, f"v-{n}") for n in range(5)} == {"hero-test b"}
    assert serving.config_revision() > before
    assert kinds(running_experiment) == ["stop", "decide", "promote"]


@pytest.mark.parametrize("outcome", ["control", "inconclusive", "invalid"])
def test_other_decisions_leave_the_default(running_experiment, outcome):
    assert decide(running_experiment, Choice(outcome=outcome))
    assert running_experiment.status == Status.STOPPED
    assert default_of(running_experiment.slot) == "Default hero"
    assert kinds(running_experiment) == ["stop", "decide"]


def test_kept_control_can_become_the_default(running_experiment):
    assert decide(running_experiment, Choice(outcome="control", promotes=True))
    assert default_of(running_experiment.slot) == "hero-test control"


def test_control_that_is_the_default_needs_no_promotion(running_experiment):
    control = running_experiment.variants.get(arm=0)
    Variant.objects.filter(pk=control.pk).update(cta=running_experiment.slot.default_cta)
    assert decide(running_experiment, Choice(outcome="control", promotes=True))
    assert Decision.objects.get().promoted_cta is None
    assert kinds(running_experiment) == ["stop", "decide"]


def test_paused_test_ends_with_its_decision(running_experiment):
    pause_experiment(experiment=running_experiment, now=NOW)
    assert decide(running_experiment)
    assert running_experiment.status == Status.STOPPED
    assert default_of(running_experiment.slot) == "hero-test b"


@pytest.mark.parametrize("status", [Status.STOPPED, Status.ARCHIVED])
def test_stopped_test_takes_its_decision_later(running_experiment, status):
    stop_experiment(experiment=running_experiment, now=NOW)
    Experiment.objects.update(status=status)
    assert decide(running_experiment, now=NOW + timedelta(days=3))
    assert Experiment.objects.get().status == status
    assert Experiment.objects.get().stopped_at == NOW
    assert default_of(running_experiment.slot) == "hero-test b"


def test_draft_has_nothing_to_decide(draft):
    assert not decide(draft)
    assert not Decision.objects.exists()


def test_second_decision_changes_nothing(running_experiment):
    assert decide(running_experiment)
    assert not decide(running_experiment, Choice(outcome="control", promotes=True))
    assert Decision.objects.get().outcome == "winner"
    assert default_of(running_experiment.slot) == "hero-test b"


def test_double_click_decides_once(real_database):
    experiment = factories.make_running_experiment(factories.make_slot(factories.make_site()))

    def click():
        return decide(Experiment.objects.get(pk=experiment.pk))

    done = in_threads(*[click] * 4)
    assert sorted(done) == [False, False, False, True]
    assert kinds(experiment) == ["stop", "decide", "promote"]


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (Choice(outcome="winner"), "Choose which arm has won."),
        (Choice(outcome="winner", arm="nobody"), "Choose which arm has won."),
        (Choice(outcome="winner", arm="control"), "Choose which arm has won."),
        (Choice(outcome="control", arm="b"), "An arm is named only with the decision “Winner”."),
        (
            Choice(outcome="invalid", promotes=True),
            "Without a winner there is nothing to show to everybody.",
        ),
    ],
    ids=["no arm", "unknown arm", "control as winner", "arm without winner", "invalid promoted"],
)
def test_contradictory_decision_is_refused_and_stops_nothing(running_experiment, choice, reason):
    with pytest.raises(CannotDecideError) as refused:
        decide(running_experiment, choice)
    assert refused.value.reasons == [reason]
    assert Experiment.objects.get().status == Status.RUNNING


def test_winner_without_wording_is_not_shown(running_experiment):
    running_experiment.variants.get(key="b").cta.wordings.all().delete()
    with pytest.raises(CannotDecideError, match="no wording"):
        decide(running_experiment)
    assert Experiment.objects.get().status == Status.RUNNING
    assert decide(running_experiment, Choice(outcome="winner", arm="b"))


def test_cta_that_was_moved_to_another_site_is_not_shown(running_experiment, other_site):
    cta = running_experiment.variants.get(key="b").cta
    type(cta).objects.filter(pk=cta.pk).update(site=other_site)
    with pytest.raises(CannotDecideError, match="belongs to another site"):
        decide(running_experiment)


def test_languages_that_the_winner_lacks_are_named(running_experiment):
    slot, cta = running_experiment.slot, running_experiment.variants.get(key="b").cta
    assert missing_locales(slot, cta) == []
    slot.default_cta.wordings.create(locale="fr", text="Essayer")
    assert missing_locales(slot, cta) == ["fr"]
    cta.wordings.filter(locale="en").update(locale="de")
    assert missing_locales(slot, cta) == ["en", "fr"]


def test_default_that_changed_meanwhile_stops_the_decision(running_experiment):
    slot = running_experiment.slot
    seen = slot.default_cta_id
    slot.default_cta = factories.make_cta(slot.site, "Newer")
    slot.save()
    choice = Choice(outcome="winner", arm="b", promotes=True, expected_default=seen)
    with pytest.raises(SlotChangedError, match="it is “Newer” now"):
        decide(running_experiment, choice)
    assert Experiment.objects.get().status == Status.RUNNING
    assert default_of(slot) == "Newer"
    # Without a promotion the default is of no concern.
    assert decide(running_experiment, Choice(outcome="control", expected_default=seen))


def test_promotion_is_undone_within_a_day(running_experiment):
    decide(running_experiment)
    assert undo(running_experiment, now=NOW + timedelta(hours=24))
    assert default_of(running_experiment.slot) == "Default hero"
    assert shown_to(running_experiment) == "Default hero"
    assert kinds(running_experiment) == ["stop", "decide", "promote", "unpromote"]
    assert not undo(running_experiment, now=NOW + timedelta(hours=24))


def test_promotion_is_not_undone_after_a_day(running_experiment):
    decide(running_experiment)
    with pytest.raises(CannotUndoError, match="More than 24 hours"):
        undo(running_experiment, now=NOW + timedelta(hours=24, seconds=1))
    assert default_of(running_experiment.slot) == "hero-test b"


def test_later_default_is_not_undone(running_experiment):
    decide(running_experiment)
    slot = running_experiment.slot
    slot.refresh_from_db()
    slot.default_cta = factories.make_cta(slot.site, "Newer")
    slot.save()
    with pytest.raises(CannotUndoError, match="“Newer” stays"):
        undo(running_experiment)
    assert default_of(slot) == "Newer"


def test_without_promotion_nothing_is_undone(running_experiment):
    decide(running_experiment, Choice(outcome="winner", arm="b"))
    assert not undo(running_experiment)


def test_two_tests_of_a_slot_are_undone_in_turn(running_experiment):
    slot = running_experiment.slot
    french = factories.make_audience(slot.site)
    other = factories.make_running_experiment(slot, "other-test", audience=french)
    decide(running_experiment)
    assert decide(other, now=NOW + timedelta(hours=1))
    assert default_of(slot) == "other-test b"
    with pytest.raises(CannotUndoError):
        undo(running_experiment)
    assert undo(other)
    assert undo(running_experiment)
    assert default_of(slot) == "Default hero"


def test_live_test_in_a_namespace_keeps_its_visitors(running_experiment):
    slot = running_experiment.slot
    space = slot.site.namespaces.create(key="parts", seed="parts")
    changes = {"namespace": space, "namespace_start": 0, "namespace_end": "0.5"}
    Experiment.objects.filter(pk=running_experiment.pk).update(**changes)
    changes = {"namespace": space, "namespace_start": "0.5", "namespace_end": 1}
    other = factories.make_running_experiment(slot, "other-test", **changes)
    running_experiment.refresh_from_db()
    decide(running_experiment)
    other.refresh_from_db()
    assert other.status == Status.RUNNING
    shown = {shown_to(running_experiment, f"v-{n}") for n in range(60)}
    assert shown == {"hero-test b", "other-test control", "other-test b"}
