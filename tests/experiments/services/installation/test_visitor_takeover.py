"""Ids become digests: nobody is counted twice, and everybody is found by the id."""

import random
from datetime import timedelta

import pytest

from experiments.event_schema.digests import is_visitor_digest, visitor_digest
from experiments.models import (
    Event,
    Experiment,
    PendingBatch,
    SiteSecret,
    VisitorDay,
    VisitorOutcome,
)
from experiments.services.catalogue.site_secrets import form_of_visitors, site_secret
from experiments.services.events.suppression_list import refuse_visitor
from experiments.services.installation import visitor_takeover
from experiments.services.installation.visitor_takeover import NotYetError, take_over_visitors
from experiments.services.operations.event_retention import StillWaitingError, drop_old_events
from experiments.services.operations.site_transfer import SiteFilesError, export_catalogue
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.operations.visitor_export import export_visitor
from experiments.services.reporting.holdout import read_holdout
from experiments.services.rollups.folding import (
    NothingToRebuildError,
    fold_pending,
    rebuild_rollups,
)
from tests.crowd import drawn_messages, take_in
from tests.experiments.services.operations.test_visitor_erasure import tables
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message

pytestmark = pytest.mark.on_both_databases


class BrokenOffError(Exception):
    pass


def names():
    """Stored visitors, of events and of outcomes."""
    rows = Event.objects.values_list("visitor", flat=True)
    return {*rows, *VisitorOutcome.objects.values_list("visitor", flat=True)}


def half_done(monkeypatch, site):
    """A takeover that ends in the middle of a day."""
    rename = visitor_takeover._rename
    calls = iter(range(2))

    def renamed(*args):
        if next(calls, None) is None:
            raise BrokenOffError
        rename(*args)

    with monkeypatch.context() as patch:
        patch.setattr(visitor_takeover, "AT_ONCE", 7)
        patch.setattr(visitor_takeover, "_rename", renamed)
        with pytest.raises(BrokenOffError):
            take_over_visitors(site=site, now=NOW)


def test_rollups_are_the_same_after_it_whatever_waits_and_breaks_off(shop, monkeypatch, tmp_path):
    rng = random.Random(7)  # noqa: S311  a test's dice
    take_in(rng, drawn_messages(rng, 300, 30))
    waiting = list(drawn_messages(rng, 60, 30))
    sent(*waiting[:30])
    half_done(monkeypatch, shop)
    # Under digests at once, and not counted until the others are, too.
    before = tables()
    sent(*waiting[30:])
    assert (fold_pending(), tables()) == (0, before)
    with pytest.raises(NothingToRebuildError):
        rebuild_rollups(experiment=Experiment.objects.first())
    with pytest.raises(StillWaitingError, match="digest_visitors"):
        drop_old_events(now=NOW, keep_days=100)
    with pytest.raises(SiteFilesError, match="digest_visitors"):
        export_catalogue(site=shop, folder=tmp_path)
    done = take_over_visitors(site=shop, now=NOW)
    assert (done.n_visitor_days > 50, done.n_outcomes > 20) == (True, True)
    assert all(map(is_visitor_digest, names()))
    fold_pending()
    after = tables()
    for experiment in Experiment.objects.all():
        rebuild_rollups(experiment=experiment)
    assert tables() == after
    assert not PendingBatch.objects.exists()
    assert len(names()) <= 30
    assert take_over_visitors(site=shop, now=NOW).n_visitor_days == 0


def test_sums_are_those_without_it(shop):
    """The same events, on a site that keeps ids as they were sent to the end."""
    rng = random.Random(9)  # noqa: S311  a test's dice
    take_in(rng, drawn_messages(rng, 300, 30))
    late = list(drawn_messages(rng, 60, 30))
    take_over_visitors(site=shop, now=NOW)
    sent(*late)
    fold_pending()
    digested = tables()
    key = site_secret(shop.pk)
    back = {visitor_digest(key, f"v-{number}"): f"v-{number}" for number in range(30)}
    SiteSecret.objects.update(visitors=SiteSecret.Visitors.AS_SENT)
    VisitorOutcome.objects.all().delete()
    VisitorDay.objects.all().delete()
    for digest, name in back.items():
        Event.objects.filter(visitor=digest).update(visitor=name)
    for experiment in Experiment.objects.all():
        rebuild_rollups(experiment=experiment)
    assert tables() == digested


def test_person_is_found_by_the_id_before_during_and_after(shop, monkeypatch):
    for at in range(20):
        sent(event_message(visitor=f"v-{at}"), event_message("click", visitor=f"v-{at}"))
    fold_pending()
    before = export_visitor(site=shop, visitor="v-3", now=NOW)
    half_done(monkeypatch, shop)
    for visitor in ("v-3", "v-19"):
        assert export_visitor(site=shop, visitor=visitor, now=NOW)["counts"]["events"] == 2
    take_over_visitors(site=shop, now=NOW)
    assert export_visitor(site=shop, visitor="v-3", now=NOW) == before
    erased = erase_visitor(site=shop, visitor="v-3", now=NOW)
    assert (erased.n_events, erased.n_experiments) == (2, 1)
    assert export_visitor(site=shop, visitor="v-3", now=NOW)["counts"]["events"] == 0
    # A late copy, by the id as it is sent.
    late = event_message(visitor="v-3")
    assert sent(late).accepted == 0
    assert erase_visitor(site=shop, visitor="v-3", now=NOW).was_known


def test_late_events_of_the_erased_are_known_after_it(shop):
    sent(event_message(visitor="v-1"))
    erase_visitor(site=shop, visitor="v-1", now=NOW)
    take_over_visitors(site=shop, now=NOW)
    assert sent(event_message(visitor="v-1")).accepted == 0


def test_it_waits_for_erasures_of_an_earlier_version(shop):
    refuse_visitor(site_id=shop.pk, visitor="v-1", now=NOW)
    with pytest.raises(NotYetError, match="run it after 2026"):
        take_over_visitors(site=shop, now=NOW)
    assert form_of_visitors(shop.pk) == "as_sent"
    assert take_over_visitors(site=shop, now=NOW + timedelta(days=40)).n_visitor_days == 0


def test_holdout_reads_the_same_after_it(shop):
    shop.holdout = "0.2"
    shop.save()
    sent(*(event_message("conversion", visitor=f"v-{number}") for number in range(200)))
    before = read_holdout(site=shop, goal="signup", days=7, now=NOW + timedelta(hours=1))
    assert (before.held_out > 20, before.others > 100) == (True, True)
    Event.objects.update(flags=0)  # As an earlier version stored them.
    take_over_visitors(site=shop, now=NOW)
    after = read_holdout(site=shop, goal="signup", days=7, now=NOW + timedelta(hours=1))
    assert after == before
    sent(*(event_message("conversion", visitor=f"v-{number}") for number in range(200, 400)))
    more = read_holdout(site=shop, goal="signup", days=7, now=NOW + timedelta(hours=1))
    assert more.held_out > after.held_out
