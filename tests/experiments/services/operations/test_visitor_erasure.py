"""An erased visitor leaves nothing behind: the sums are those of a count without them."""

import random

import pytest

from experiments.models import (
    Event,
    Experiment,
    GoalRollup,
    PendingBatch,
    Rollup,
    VisitorOutcome,
)
from experiments.services.operations.visitor_erasure import NotErasedError, erase_visitor
from experiments.services.rollups.folding import fold_pending, rebuild_rollups
from tests import factories
from tests.crowd import drawn_messages, take_in
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message
from tests.servers import free_port
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases


def tables():
    """All rollups as plain values, whatever their keys are."""
    return [
        sorted(
            (
                {name: value for name, value in row.items() if name != "id"}
                for row in model.objects.values()
            ),
            key=repr,
        )
        for model in (Rollup, GoalRollup)
    ]


def test_rollups_are_those_of_a_count_without_the_visitor(shop):
    rng = random.Random(5)  # noqa: S311  a test's dice
    messages = list(drawn_messages(rng, 400, 40))
    take_in(rng, messages)
    erased = erase_visitor(site=shop, visitor="v-7", now=NOW)
    assert erased.n_events == sum(one["visitor"] == "v-7" for one in messages)
    assert erased.n_experiments > 1
    fold_pending()  # Of an order that was theirs, the next event counts.
    after = tables()
    for experiment in Experiment.objects.all():
        rebuild_rollups(experiment=experiment)
    assert tables() == after
    assert not Event.objects.filter(visitor="v-7").exists()
    assert not VisitorOutcome.objects.filter(visitor="v-7").exists()
    assert VisitorOutcome.objects.filter(visitor="v-8").exists()


def test_last_visitor_takes_the_rows_along(running_experiment):
    sent(event_message(), event_message("click"))
    fold_pending()
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert tables() == [[], []]


def test_events_that_wait_are_erased_too(running_experiment):
    sent(event_message(), event_message(visitor="v-2"))
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert fold_pending() == 1
    assert PendingBatch.objects.count() == 0
    assert set(VisitorOutcome.objects.values_list("visitor", flat=True)) == {"v-2"}


def test_same_name_on_another_site_stays(running_experiment, other_site):
    rival = factories.make_running_experiment(factories.make_slot(other_site), "rival-test")
    sent(event_message())
    sent(event_message(), key="rival-client-key")
    fold_pending()
    erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert Event.objects.get().experiment == rival
    assert sent(event_message(), key="rival-client-key").accepted == 1


def test_erasing_again_says_that_it_was_known(running_experiment):
    site = running_experiment.slot.site
    sent(event_message())
    fold_pending()
    first, again, stranger = (
        erase_visitor(site=site, visitor=visitor, now=NOW) for visitor in ("v-1", "v-1", "v-9")
    )
    assert (first.n_events, first.n_experiments, first.was_known) == (1, 1, True)
    assert (again.n_events, again.n_experiments, again.was_known) == (0, 0, True)
    assert stranger.was_known is False


def test_erasure_that_breaks_off_is_done_again(running_experiment, monkeypatch):
    site = running_experiment.slot.site
    message = event_message()
    sent(message)
    fold_pending()
    with monkeypatch.context() as patch:
        patch.setattr(
            "experiments.services.operations.visitor_erasure.RollupAccumulator.write",
            lambda _: 1 / 0,
        )
        with pytest.raises(ZeroDivisionError):
            erase_visitor(site=site, visitor="v-1", now=NOW)
    assert (Event.objects.count(), VisitorOutcome.objects.count()) == (1, 1)
    assert sent(message).duplicates == 1
    erase_visitor(site=site, visitor="v-1", now=NOW)
    assert tables() == [[], []]


def test_erasure_beside_batches_and_folds_leaves_nothing(real_database):
    site = factories.make_site()
    factories.make_running_experiment(factories.make_slot(site))
    messages = [event_message(visitor=f"v-{n % 4}") for n in range(40)]

    def send_all():
        for message in messages:
            sent(message)

    outcomes = in_threads(
        send_all,
        lambda: [fold_pending(batch=3) for _ in range(5)],
        lambda: erase_visitor(site=site, visitor="v-1", now=NOW),
    )
    assert [one for one in outcomes if isinstance(one, Exception)] == []
    fold_pending()
    assert not Event.objects.filter(visitor="v-1").exists()
    assert set(VisitorOutcome.objects.values_list("visitor", flat=True)) == {"v-0", "v-2", "v-3"}
    assert sum(row.visitors for row in Rollup.objects.filter(segment="")) == 3


def test_erasure_says_so_if_dead_entries_cannot_be_read(running_experiment, settings):
    sent(event_message())
    settings.CTAOPT_EVENTS_URL = f"redis://127.0.0.1:{free_port()}/0"
    with pytest.raises(NotErasedError, match="Redis does not answer"):
        erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert not Event.objects.exists()
    settings.CTAOPT_EVENTS_URL = ""
    again = erase_visitor(site=running_experiment.slot.site, visitor="v-1", now=NOW)
    assert (again.n_events, again.was_known) == (0, True)
