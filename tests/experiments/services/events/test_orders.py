"""An order number makes a conversion one, whoever sends it and however often."""

from datetime import timedelta
from decimal import Decimal

import pytest

from experiments.models import ConversionOrder, Event, Experiment, PendingBatch, Rollup
from experiments.services.events.ingestion import Origin, accept
from experiments.services.events.partitions import make_partitions
from experiments.services.events.redis_stream import open_stream
from experiments.services.events.store import store
from experiments.services.events.stream_codec import STORAGE, append_rows
from experiments.services.events.stream_consumer import Consumer
from experiments.services.operations.event_retention import drop_old_events
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.rollups.folding import fold_pending, rebuild_rollups
from experiments.services.rollups.reconciliation import check_experiment
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.experiments.services.recounting import recount, rows_of
from tests.experiments.services.sending import reason_of
from tests.factories import NOW, event_message
from tests.intake import ingest
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
PAGE, SERVER = Origin(is_page=True), Origin()
COLUMNS = ("visitors", "converting_visitors", "conversion_sum", "value_sum", "repeated_orders")


@pytest.fixture
def sale(site):
    """An experiment on the value of sales, seen by three visitors; a second goal is a guardrail."""
    experiment = factories.make_running_experiment(
        factories.make_slot(site), goal="sale", primary_metric="value_per_visitor"
    )
    seen = [event_message(visitor=name, at=minute(-30)) for name in ("desk", "phone", "other")]
    take(*seen, origin=SERVER)
    return experiment


def minute(number, *, days=0):
    return (NOW + number * MINUTE - days * DAY).isoformat()


def take(*messages, origin=PAGE, key="shop", now=NOW):
    site = build_snapshot(revision=1, now=NOW).client_keys[f"{key}-client-key"]
    receipt = ingest(site=site, items=messages, now=now, origin=origin)
    assert receipt.rejected == ()
    return receipt


def sold(order="A-1001", **changes):
    fields = {"visitor": "desk", "goal": "sale", "value": 49.9, "at": minute(-5)}
    return event_message("conversion", **(fields | {"order": order} | changes))


def counted(experiment):
    """Sums over the arms of what is booked; an independent recount and a rebuild give the same."""
    fold_pending()
    booked = rows_of(experiment, columns=COLUMNS)
    rebuild_rollups(experiment=experiment)
    assert rows_of(experiment, columns=COLUMNS) == booked
    assert rows_of(experiment) == recount(experiment)
    assert check_experiment(experiment=experiment, now=NOW).n_differing == 0
    return tuple(map(sum, zip(*booked.values(), strict=True)))


def test_page_opened_again_and_server_and_telephone_make_one_conversion(sale):
    take(sold(), sold(at=minute(-4)))
    take(sold(at=minute(-3), visitor="phone"))
    take(sold(at=minute(-2)), origin=SERVER)
    take(sold(at=minute(-1)), now=NOW + 2 * DAY)
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 4)
    assert Event.objects.filter(type="conversion").count() == 5


def test_same_event_sent_again_is_no_repeat(sale):
    message = sold()
    assert take(message).accepted == 1
    assert (take(message).accepted, take(message, origin=SERVER).accepted) == (0, 0)
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 0)


def test_first_value_stays(sale):
    take(sold(value=49.9), sold(value=60, at=minute(-1)))
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 1)


def test_another_goal_or_site_is_another_order(sale, other_site):
    take(sold(), sold(goal="signup"))
    rival = event_message("conversion", goal="sale", order="A-1001")
    take(rival, key="rival")
    assert not Event.objects.filter(flags__gt=0).exists()
    assert ConversionOrder.objects.values("digest").distinct().count() == 3


def test_conversions_without_a_number_all_count(sale):
    take(sold(order=None), sold(order=None, at=minute(-1)))
    assert counted(sale) == (3, 1, 2, Decimal("99.8"), 0)
    assert not ConversionOrder.objects.exists()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (1001, "1001"),
        ("1001", 1001.0),
        (" A 1 ", "A 1"),
        ("A\u00a01", "A  1"),
        ("\ufeffA\u200b1", "A1"),
        ("E\u0301 1 \U0001f6d2", "\u00c9 1 \U0001f6d2"),
    ],
)
def test_number_is_taken_as_its_text(sale, first, second):
    take(sold(order=first), sold(order=second))
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 1)


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        ("", "length >= 1 - at `$.order`"),
        (" ", "order: is a placeholder"),
        ("-", "order: is a placeholder"),
        ("#", "order: is a placeholder"),
        ("undefined", "order: is a placeholder"),
        ("{{ order.id }}", "order: is a placeholder"),
        (0, "order: is a placeholder"),
        ("A" * 300, "length <= 200 - at `$.order`"),
        ("A\n1", "without control characters - at `$.order`"),
        (True, "got `bool` - at `$.order`"),
        (["A"], "got `array` - at `$.order`"),
        (1e300, "order: is longer than 200 characters"),
    ],
)
def test_number_of_no_one_order_is_refused(served, order, reason):
    assert reason in reason_of(served, event_message("conversion", order=order))


def test_longest_number_is_taken(sale):
    take(sold(order="Ü" * 200), sold(order="Ü" * 200))
    assert counted(sale)[-1] == 1


def test_number_is_kept_as_a_digest_only(sale):
    take(sold(order="A-1001"))
    kept = [*Event.objects.values(), *ConversionOrder.objects.values()]
    assert "A-1001" not in repr(kept)


def test_server_is_right_about_whose_order_it_is(sale):
    """Anybody may claim numbers to come, with the public key."""
    take(sold(visitor="other", value=1))
    fold_pending()
    take(sold(visitor="desk"), origin=SERVER)
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 1)
    # Sent again, neither changes anything; nor does a second server.
    take(sold(visitor="other", value=1))
    take(sold(visitor="phone", value=2), origin=SERVER)
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 3)
    assert Event.objects.get(type="conversion", flags=0).visitor == "desk"


def test_server_is_right_within_one_transaction(sale):
    page = sold(visitor="other", value=1)
    server = sold(visitor="desk", at=minute(-1))
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    rows = [
        accepted_row(site, message, origin) for message, origin in ((page, PAGE), (server, SERVER))
    ]
    assert store([rows]) == [2]
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 1)


def accepted_row(site, message, origin):
    (row,) = accept(site=site, items=[message], now=NOW, origin=origin).rows
    return row


def test_prefetched_page_claims_no_order(sale):
    take(sold(), origin=Origin(flags=Event.Flag.PREFETCH, is_page=True))
    take(sold(at=minute(-1)))
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 0)


def test_repeats_of_other_goals_and_outside_the_window_are_not_said(sale):
    Experiment.objects.filter(pk=sale.pk).update(conversion_window_hours=1)
    sale.refresh_from_db()
    take(sold(), sold(goal="signup"), sold(goal="signup", at=minute(-2)))
    take(sold(at=minute(120)), now=NOW + DAY)
    assert counted(sale)[-1] == 0


def test_erasure_lets_the_next_event_of_the_order_count(sale):
    take(sold(visitor="desk"))
    take(sold(visitor="phone", at=minute(-1), value=50))
    fold_pending()
    erase_visitor(site=sale.slot.site, visitor="desk", now=NOW)
    assert counted(sale) == (2, 1, 1, Decimal(50), 0)
    erase_visitor(site=sale.slot.site, visitor="phone", now=NOW)
    assert (counted(sale)[0], ConversionOrder.objects.count()) == (1, 0)


def test_orders_go_with_their_events(transactional_db):
    make_partitions([NOW.date()])
    factories.make_site()
    take(sold())
    fold_pending()
    drop_old_events(now=NOW + 400 * DAY, keep_days=100)
    assert (Event.objects.count(), ConversionOrder.objects.count()) == (0, 0)


def test_waiting_events_of_a_stream_repeat_orders_too(sale, redis_server):
    with redis_server.client() as client:
        client.flushdb()
    stream = open_stream(redis_server.url(), max_entries=1_000)
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    for number in range(4):
        append_rows(stream, [accepted_row(site, sold(at=minute(-number)), SERVER)])
    Consumer(stream=stream, storage=STORAGE, name="one").drain()
    assert counted(sale) == (3, 1, 1, Decimal("49.9"), 3)
    stream.client.close()


def test_order_sent_from_many_threads_at_once_counts_once(real_database):
    make_partitions([NOW.date()])
    site = factories.make_site()
    experiment = factories.make_running_experiment(factories.make_slot(site), goal="sale")
    take(event_message(visitor="desk", at=minute(-30)), origin=SERVER)
    batches = [
        [sold(order=f"A-{(number + turn) % 7}", at=minute(-turn)) for number in range(7)]
        for turn in range(8)
    ]
    in_threads(*(lambda batch=batch: take(*batch) for batch in batches))
    fold_pending()
    sums = Rollup.objects.filter(experiment=experiment, segment="").get()
    assert (sums.conversion_sum, sums.repeated_orders) == (7, 49)
    assert ConversionOrder.objects.filter(is_counted=True).count() == 7
    assert not PendingBatch.objects.exists()
