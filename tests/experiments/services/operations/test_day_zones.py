from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.management.base import CommandError

from experiments.models import Change, Experiment, Rollup, Site, VisitorOutcome
from experiments.services.operations.auto_rollback import note_in_words
from experiments.services.operations.planned_end import DaysStayError, move_days_to_zone_of_site
from experiments.services.rollups.folding import NothingToRebuildError, fold_pending
from tests import factories
from tests.experiments.management.test_commands import called
from tests.factories import NOW, make_event

pytestmark = pytest.mark.on_both_databases
LATE = datetime(2026, 11, 20, 23, 30, tzinfo=UTC)


def days():
    return set(Rollup.objects.values_list("day", flat=True))


@pytest.fixture
def counted(running_experiment):
    """An experiment by days of UTC with two visitors, whose site is in Paris since."""
    Experiment.objects.update(days_in="UTC")
    for arm in running_experiment.variants.all():
        make_event(arm, visitor=f"v-{arm.key}", at=LATE)
    fold_pending()
    Site.objects.update(time_zone="Europe/Paris")
    return Experiment.objects.select_related("slot__site").get()


def test_days_move_by_a_recount_that_the_history_tells(counted):
    assert days() == {date(2026, 11, 20)}
    assert move_days_to_zone_of_site(experiment=counted, now=NOW)
    assert counted.days_in == Experiment.objects.get().days_in == "Europe/Paris"
    assert days() == {date(2026, 11, 21)}
    change = Change.objects.get()
    assert (change.kind, note_in_words(change.kind, change.note)) == ("days", "UTC -> Europe/Paris")
    assert not move_days_to_zone_of_site(experiment=counted, now=NOW)
    assert Change.objects.count() == 1


def test_draft_has_no_days_to_move(draft):
    assert not move_days_to_zone_of_site(experiment=draft, now=NOW)


def refused(experiment, reason):
    before = days()
    with pytest.raises(DaysStayError, match=reason):
        move_days_to_zone_of_site(experiment=experiment, now=NOW)
    assert Experiment.objects.get().days_in == "UTC"
    assert days() == before
    assert not Change.objects.exists()


def test_days_stay_once_a_difference_is_proven(counted):
    for arm in counted.variants.all():
        factories.make_rollup(
            arm, visitors=5_000, clicks=250 + 250 * arm.arm, day=NOW.date() - timedelta(days=3)
        )
    refused(counted, "a difference is proven")


def test_days_stay_once_the_plan_was_read(counted):
    Experiment.objects.update(planned_visitors=2)
    counted.refresh_from_db()
    refused(counted, "its plan was read")


def test_days_stay_where_the_move_would_end_the_plan(counted):
    """In UTC the last visitors came today; in Auckland they came yesterday."""
    Site.objects.update(time_zone="Pacific/Auckland")
    Experiment.objects.update(planned_visitors=4)
    now = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for arm in counted.variants.all():
        make_event(arm, visitor=f"w-{arm.key}", at=datetime(2026, 11, 22, 1, tzinfo=UTC))
    fold_pending()
    experiment = Experiment.objects.get()
    with pytest.raises(DaysStayError, match="its plan was read"):
        move_days_to_zone_of_site(experiment=experiment, now=now)
    assert days() == {date(2026, 11, 20), date(2026, 11, 22)}


def test_days_stay_where_events_were_dropped(counted):
    VisitorOutcome.objects.filter(visitor="v-b").update(is_settled=True)
    refused(counted, "were dropped")


def test_imported_figures_cannot_be_counted_again(counted):
    Experiment.objects.update(origin=Experiment.Origin.IMPORTED, planned_visitors=None)
    with pytest.raises(NothingToRebuildError):
        move_days_to_zone_of_site(experiment=counted, now=NOW)
    assert Experiment.objects.get().days_in == "UTC"


def test_command_moves_them_or_says_why_not(counted, time_machine):
    time_machine.move_to(NOW, tick=False)
    out, _ = called("rebuild_rollups", "hero-test", days_in_zone_of_site=True)
    assert out == "hero-test: counted again, by days of Europe/Paris.\n"
    out, _ = called("rebuild_rollups", "hero-test", days_in_zone_of_site=True)
    assert out.startswith("hero-test: its days are those of its site already")
    VisitorOutcome.objects.update(is_settled=True)
    Site.objects.update(time_zone="Asia/Kathmandu")
    with pytest.raises(CommandError, match="The days of hero-test stay: events of some"):
        called("rebuild_rollups", "hero-test", days_in_zone_of_site=True)
