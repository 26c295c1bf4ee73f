"""A new site: its visitors are kept as digests from the first event on."""

import pytest

from experiments.event_schema.digests import visitor_digest
from experiments.models import Event, SiteSecret, VisitorOutcome
from experiments.services.catalogue.site_secrets import form_of_visitors, site_secret
from experiments.services.events.ingestion import Origin, accept
from experiments.services.events.redis_stream import open_stream
from experiments.services.events.store import store
from experiments.services.events.stream_codec import append_rows, erase_dead_rows, traces_in_stream
from experiments.services.rollups.folding import fold_pending
from experiments.services.serving.evaluation import evaluate_slot
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.experiments.services.sending import sent
from tests.factories import NOW, event_message

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
def fresh(site):
    """The shop without a key yet, as a site is that was just made."""
    SiteSecret.objects.all().delete()
    experiment = factories.make_running_experiment(factories.make_slot(site))
    assert form_of_visitors(site.pk) == "digests"
    return experiment


def served(key="shop"):
    return build_snapshot(revision=1, now=NOW).client_keys[f"{key}-client-key"]


def test_no_table_holds_the_id(fresh):
    sent(event_message(visitor="customer-17"), event_message("click", visitor="customer-17"))
    fold_pending()
    digest = visitor_digest(site_secret(fresh.slot.site_id), "customer-17")
    assert set(Event.objects.values_list("visitor", flat=True)) == {digest}
    assert VisitorOutcome.objects.get().visitor == digest


def test_site_with_events_keeps_their_form_until_it_is_changed(site):
    sent(event_message("conversion"))
    SiteSecret.objects.all().delete()
    assert form_of_visitors(site.pk) == "as_sent"


def test_same_id_on_two_sites_has_two_digests(fresh, other_site):
    one, other = (
        visitor_digest(site_secret(pk), "v-1") for pk in (fresh.slot.site_id, other_site.pk)
    )
    assert one != other


def test_arm_is_that_of_the_id_as_sent(fresh):
    """A site keeps every visitor's arm: only what is stored differs."""
    digested = served()
    SiteSecret.objects.update(visitors=SiteSecret.Visitors.AS_SENT)
    as_sent = served()
    for number in range(50):
        arms = {
            evaluate_slot(one, "hero", visitor=f"v-{number}", attributes={}).variant
            for one in (digested, as_sent)
        }
        assert len(arms) == 1


def test_arm_that_the_id_explains_is_not_doubted(fresh):
    site = served()
    messages = [
        event_message(
            visitor=f"v-{number}",
            variant=evaluate_slot(site, "hero", visitor=f"v-{number}", attributes={}).variant,
        )
        for number in range(20)
    ]
    rows = accept(site=site, items=messages, now=NOW, origin=Origin(is_page=True)).rows
    assert {row.flags for row in rows} == {0}


def test_rows_that_wait_from_before_are_stored_as_digests(fresh):
    """Of a web process that has not read the change, or of a stream."""
    site = served()
    (row,) = accept(site=site, items=[event_message(visitor="v-1")], now=NOW).rows
    SiteSecret.objects.update(visitors=SiteSecret.Visitors.AS_SENT)
    (former,) = accept(site=served(), items=[event_message(visitor="v-1")], now=NOW).rows
    assert (former.visitor, row.visitor != "v-1") == ("v-1", True)
    SiteSecret.objects.update(visitors=SiteSecret.Visitors.MOVING)
    assert store([[former, row]]) == [2]
    assert set(Event.objects.values_list("visitor", flat=True)) == {row.visitor}


def test_dead_and_waiting_entries_are_found_by_the_id(fresh, redis_server):
    with redis_server.client() as client:
        client.flushdb()
    stream = open_stream(redis_server.url(), max_entries=100)
    site = served()
    messages = [event_message(visitor="v-1"), event_message(visitor="v-2")]
    append_rows(stream, accept(site=site, items=messages, now=NOW).rows)
    names = site.stored_names("v-1")
    assert len(traces_in_stream(stream, site_id=site.pk, names=names).waiting) == 1
    stream.make_group()
    (entry,) = stream.read(consumer="one", count=1, block_s=0.1)
    stream.bury(entry, payload=entry.payload, reason=f"of {names[0]}", deliveries=1)
    assert erase_dead_rows(stream, site_id=site.pk, names=names) == 1
    (left,) = stream.dead(count=None)
    assert names[0] not in left.reason
    stream.client.close()
