from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from experiments.models import CacheWatch, Job, Notice, Standing
from experiments.services.learning.jobs import create_job, run_job
from experiments.services.lifecycle.approvals import ask_approval
from experiments.services.lifecycle.arm_rollback import roll_back_arms
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.outbox import tell_of_standing
from experiments.services.lifecycle.transitions import (
    pause_experiment,
    roll_back_experiment,
    start_experiment,
)
from experiments.services.operations.auto_rollback import reason_by_hand
from experiments.services.operations.planned_end import stop_planned_experiments
from experiments.services.reporting.standings import keep_standings
from tests import factories
from tests.experiments.services.counted_experiments import count
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Kind = Notice.Kind


def kinds():
    return [notice.kind for notice in Notice.objects.order_by("pk")]


def test_start_is_told_with_the_start_or_not_at_all(draft):
    with transaction.atomic():
        start_experiment(experiment=draft, now=NOW)
        transaction.set_rollback(True)
    assert kinds() == []
    start_experiment(experiment=draft, now=NOW)
    start_experiment(experiment=draft, now=NOW)
    assert kinds() == [Kind.STARTED]
    notice = Notice.objects.get()
    assert (notice.at, notice.experiment, notice.site) == (NOW, draft, draft.slot.site)


def test_roll_backs_are_told_with_their_reasons_and_pauses_are_not(slot):
    shares = {"control": "0.4", "b": "0.3", "c": "0.3"}
    experiment = factories.make_running_experiment(slot, shares=shares)
    reason = reason_by_hand("too red")
    roll_back_arms(experiment=experiment, reasons={"b": reason}, occasion=Occasion(now=NOW))
    occasion = Occasion(now=NOW, note=reason)
    roll_back_experiment(experiment=experiment, reason=reason, occasion=occasion)
    pause_experiment(experiment=experiment, now=NOW)
    assert kinds() == [Kind.ROLLBACK, Kind.ROLLBACK]
    assert [notice.facts["change"] for notice in Notice.objects.order_by("pk")] == [
        "arm_off",
        "rollback",
    ]


def test_end_of_a_plan_is_told(slot):
    plan = {"planned_visitors": 100, "ends_when_planned": True}
    experiment = factories.make_running_experiment(slot, **plan, started_at=NOW - timedelta(days=8))
    count(experiment, (80, 8), (80, 8), day=NOW.date() - timedelta(days=2))
    assert stop_planned_experiments(now=NOW) == [experiment]
    assert kinds() == [Kind.VERDICT]
    assert Notice.objects.get().facts["change"] == "stop"


def standing(experiment, status="ship", winner="b", visitors=500, **changes):
    won = experiment.variants.filter(key=winner).first()
    values = {"status": status, "winner": won, "visitors": visitors, "computed_at": NOW}
    values |= {"today": NOW.date(), "lift": 0.2}
    row, _ = Standing.objects.update_or_create(experiment=experiment, defaults=values | changes)
    return row


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("ship", Kind.VERDICT),
        ("keep_control", Kind.VERDICT),
        ("stop_for_harm", Kind.HARM),
        ("invalid", Kind.SPLIT),
        ("keep_running", None),
        ("paused", None),
        ("", None),
    ],
)
def test_verdict_is_told_once_however_often_it_is_computed(running_experiment, status, kind):
    row = standing(running_experiment, status, winner="b" if status == "ship" else "")
    assert tell_of_standing(row, is_aa=False, now=NOW) is (kind is not None)
    assert tell_of_standing(row, is_aa=False, now=NOW + timedelta(hours=1)) is False
    assert kinds() == ([kind] if kind else [])


def test_other_winner_is_told_again(running_experiment):
    assert tell_of_standing(standing(running_experiment), is_aa=False, now=NOW)
    row = standing(running_experiment, winner="control")
    assert tell_of_standing(row, is_aa=False, now=NOW)


@pytest.mark.parametrize(("visitors", "is_told"), [(499, False), (500, True)])
def test_winner_is_told_over_a_minimum_of_visitors(running_experiment, visitors, is_told):
    row = standing(running_experiment, visitors=visitors)
    assert tell_of_standing(row, is_aa=False, now=NOW) is is_told


def test_minimum_does_not_hold_back_harm(running_experiment):
    row = standing(running_experiment, "stop_for_harm", winner="", visitors=50)
    assert tell_of_standing(row, is_aa=False, now=NOW)


def test_test_of_equal_arms_has_no_winner_but_a_split(running_experiment):
    assert not tell_of_standing(standing(running_experiment), is_aa=True, now=NOW)
    row = standing(running_experiment, "invalid", winner="")
    assert tell_of_standing(row, is_aa=True, now=NOW)


def test_each_silence_is_told_once(running_experiment):
    silent = {"status": "no_traffic", "winner": "", "silent_hours": 30.0}
    row = standing(running_experiment, **silent)
    assert tell_of_standing(row, is_aa=False, now=NOW)
    later = standing(running_experiment, **silent | {"silent_hours": 54.0})
    assert not tell_of_standing(later, is_aa=False, now=NOW + timedelta(days=1))
    again = standing(running_experiment, **silent | {"silent_hours": 25.0})
    assert tell_of_standing(again, is_aa=False, now=NOW + timedelta(days=9))


def test_standings_tell_of_a_won_test(running_experiment):
    count(running_experiment, (1_000, 60), (1_000, 150), day=NOW.date())
    keep_standings(now=NOW)
    keep_standings(now=NOW + timedelta(hours=1))
    notice = Notice.objects.get()
    assert (notice.kind, notice.facts["winner"]) == (Kind.VERDICT, "b")
    assert notice.facts["visitors"] == 2_000


def test_training_that_ends_is_told_and_a_ranking_is_not():
    for kind in (Job.Kind.TRAINING, Job.Kind.RANKING):
        job = create_job(kind=kind, request={}, by=None, now=timezone.now())
        run_job(pk=job.pk, work={kind: lambda *_: {}})
    notice = Notice.objects.get()
    assert (notice.kind, notice.site, notice.facts) == (Kind.TRAINED, None, {"status": "done"})


def test_request_for_an_approval_is_told_with_its_note(draft):
    occasion = Occasion(now=NOW, note="for the sale")
    ask_approval(experiment=draft, occasion=occasion)
    ask_approval(experiment=draft, occasion=occasion)
    assert kinds() == [Kind.APPROVAL]
    ask_approval(experiment=draft, occasion=replace(occasion, note="for the sale in May"))
    assert kinds() == [Kind.APPROVAL, Kind.APPROVAL]
    assert Notice.objects.latest("pk").facts["note"] == "for the sale in May"


def test_nothing_of_a_watch_is_told_before_its_alarm(running_experiment):
    CacheWatch.objects.create(experiment=running_experiment, checked_until=NOW)
    assert kinds() == []
