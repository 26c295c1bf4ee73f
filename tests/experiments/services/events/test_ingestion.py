import re
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.db import DatabaseError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.event_schema.messages import MAX_AGE, MAX_AHEAD
from experiments.models import Event, Experiment, PendingBatch
from experiments.services.events import store
from experiments.services.events.ingestion import ingest
from experiments.services.events.store import NotTakenError
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW, STARTED, event_message
from tests.threads import in_threads

pytestmark = pytest.mark.on_both_databases

SECOND = timedelta(seconds=1)


def served_again(site):
    """The site after a change of its experiments."""
    return build_snapshot(revision=2, now=NOW).client_keys[site.client_key]


def reason_of(site, message):
    """Why one event is rejected."""
    receipt = ingest(site=site, items=[message], now=NOW)
    assert (receipt.accepted, receipt.duplicates, len(receipt.rejected)) == (0, 0, 1)
    assert not Event.objects.exists()
    return receipt.rejected[0].reason


def test_exposure_is_kept_with_its_arm_and_propensity(served, running_experiment):
    message = event_message(visitor="v é 1", at=(NOW - SECOND).isoformat())
    ingest(site=served, items=[message], now=NOW)
    event = Event.objects.get()
    assert (event.type, event.visitor, event.propensity) == ("exposure", "v é 1", 0.5)
    assert (event.experiment, event.variant.key) == (running_experiment, "b")
    assert (event.event_id, event.site_id) == (UUID(message["id"]), served.pk)
    assert (event.occurred_at, event.received_at) == (NOW - SECOND, NOW)
    assert PendingBatch.objects.get(pk=event.batch).n_events == 1


def test_conversion_is_kept_with_its_exact_value(served):
    message = event_message("conversion", value=0.1, currency="EUR")
    ingest(site=served, items=[message], now=NOW)
    event = Event.objects.get()
    assert (event.goal, event.value, event.currency) == ("signup", Decimal("0.1"), "EUR")
    assert (event.experiment, event.variant, event.propensity) == (None, None, None)


def test_time_zone_of_an_event_is_its_own_business(served):
    ingest(site=served, items=[event_message(at="2026-11-22T13:30:00+01:30")], now=NOW)
    assert Event.objects.get().occurred_at == NOW


REJECTED = [
    ("`type`", {"type": None}),
    (r"'view'.*\$\.type", {"type": "view"}),
    ("`id`", {"id": None}),
    (r"UUID.*\$\.id", {"id": "1"}),
    ("`visitor`", {"visitor": None}),
    (r"length >= 1.*\$\.visitor", {"visitor": ""}),
    (r"length <= 200.*\$\.visitor", {"visitor": "v" * 201}),
    (r"control characters.*\$\.visitor", {"visitor": "v\0"}),
    (r"control characters.*\$\.visitor", {"visitor": "v\n"}),
    (r"`str`.*\$\.visitor", {"visitor": 7}),
    ("`slot`", {"slot": None}),
    ("unknown slot 'footer'", {"slot": "footer"}),
    ("`variant`", {"variant": None}),
    ("unknown variant 'c'", {"variant": "c"}),
    ("unknown variant 'default'", {"variant": "default"}),
    ("no experiment on 'hero'", {"experiment": "other"}),
    ("`at`", {"at": None}),
    (r"timezone.*\$\.at", {"at": "2026-11-22T12:00:00"}),
    (r"\$\.at", {"at": "yesterday"}),
    (r"`datetime`.*\$\.at", {"at": 1_763_812_800}),
]


@pytest.mark.parametrize(("reason", "changes"), REJECTED, ids=lambda value: str(value)[:30])
def test_exposure_is_rejected_with_the_field_named(served, reason, changes):
    assert re.search(reason, reason_of(served, event_message(**changes)))


def test_exposure_keeps_the_attributes_it_may_carry(served):
    attributes = {"device": "tablet", "locale": "FR-ca", "country": "CA", "new_visitor": False}
    ingest(site=served, items=[event_message(attributes=attributes)], now=NOW)
    assert Event.objects.get().attributes == attributes | {"locale": "fr"}


@pytest.mark.parametrize(
    ("locale", "kept"),
    [("pt_BR", "pt"), ("FIL", "fil"), ("english", None), ("français", None), ("f", None)],
)
def test_exposure_keeps_the_language_if_it_is_one(served, locale, kept):
    message = event_message(attributes={"locale": locale})
    ingest(site=served, items=[message], now=NOW)
    assert Event.objects.get().attributes.get("locale") == kept


@pytest.mark.parametrize("attributes", [None, {}, {"device": None}])
def test_exposure_without_attributes_keeps_none(served, attributes):
    message = event_message() | {"attributes": attributes}
    ingest(site=served, items=[message], now=NOW)
    assert Event.objects.get().attributes == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "watch"),
        ("device", 1),
        ("locale", 1),
        ("locale", "x" * 101),
        ("country", "ca"),
        ("country", "CAN"),
        ("country", "CA\n"),
        ("new_visitor", "true"),
        ("new_visitor", 1),
    ],
)
def test_attribute_of_another_shape_is_rejected_by_name(served, name, value):
    reason = reason_of(served, event_message(attributes={name: value}))
    assert f"$.attributes.{name}" in reason


def test_unknown_attribute_is_rejected_by_name(served):
    reason = reason_of(served, event_message(attributes={"email": "a@example.org"}))
    assert re.search(r"unknown field `email`.*\$\.attributes", reason)


@pytest.mark.parametrize("attributes", ["mobile", ["mobile"], 5])
def test_attributes_that_are_no_object_are_rejected(served, attributes):
    assert "$.attributes" in reason_of(served, event_message(attributes=attributes))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("goal", ""),
        ("goal", "g" * 101),
        ("goal", "g\0"),
        ("value", "12"),
        ("value", True),
        ("value", 1e13),
        ("value", -1e13),
        ("currency", "eur"),
        ("currency", "EURO"),
        ("currency", "EUR\n"),
    ],
)
def test_conversion_is_rejected_with_the_field_named(served, field, value):
    assert f"$.{field}" in reason_of(served, event_message("conversion", **{field: value}))


@pytest.mark.parametrize("item", [None, 5, "exposure", [], {}, [event_message()]])
def test_item_that_is_no_event_is_rejected(served, item):
    assert reason_of(served, item)


def test_event_of_another_site_is_rejected(running_experiment, other_site):
    rival = factories.make_running_experiment(
        factories.make_slot(other_site, "rival-slot"), "rival-test", shares={"r": "0.5", "s": "0.5"}
    )
    site = served_again(running_experiment.slot.site)
    message = event_message(slot=rival.slot.key, variant="r", experiment=rival.key)
    assert "unknown slot 'rival-slot'" in reason_of(site, message)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW + MAX_AHEAD + SECOND, "at: lies in the future"),
        (NOW - MAX_AGE - SECOND, "at: is more than 30 days ago"),
        (STARTED - MAX_AHEAD - SECOND, "no experiment on 'hero' took part at that time"),
    ],
)
def test_event_too_far_from_now_or_from_its_experiment_is_rejected(served, at, reason):
    assert reason in reason_of(served, event_message(at=at.isoformat()))


@pytest.mark.parametrize("at", [NOW + MAX_AHEAD, STARTED - MAX_AHEAD, STARTED, NOW])
def test_clock_that_is_a_little_wrong_does_no_harm(served, at):
    receipt = ingest(site=served, items=[event_message(at=at.isoformat())], now=NOW)
    assert receipt.accepted == 1


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_ends_of_time_are_rejected(served, at):
    assert reason_of(served, event_message("conversion", at=at)).startswith("at: ")


def test_paused_experiment_still_records_what_pages_show(served, running_experiment):
    Experiment.objects.update(status=Experiment.Status.PAUSED)
    site = served_again(running_experiment.slot.site)
    assert ingest(site=site, items=[event_message()], now=NOW).accepted == 1


@pytest.mark.parametrize(
    ("at", "accepted"), [(NOW - timedelta(days=2), 1), (NOW - timedelta(hours=12), 0)]
)
def test_stopped_experiment_records_only_what_happened_before(
    served, running_experiment, at, accepted
):
    end = NOW - timedelta(days=1)
    Experiment.objects.update(status=Experiment.Status.STOPPED, stopped_at=end)
    site = served_again(running_experiment.slot.site)
    receipt = ingest(site=site, items=[event_message(at=at.isoformat())], now=NOW)
    assert receipt.accepted == accepted


def test_draft_records_nothing(draft):
    site = served_again(draft.slot.site)
    assert "no experiment on 'hero'" in reason_of(site, event_message())


def test_event_must_name_its_experiment_where_two_have_such_an_arm(served, running_experiment):
    slot = running_experiment.slot
    audience = factories.make_audience(slot.site)
    second = factories.make_running_experiment(slot, "second", audience=audience)
    site = served_again(slot.site)
    assert "experiment: needed" in reason_of(site, event_message())
    ingest(site=site, items=[event_message(experiment="second")], now=NOW)
    assert Event.objects.get().experiment == second


def test_retry_is_harmless(served):
    items = [event_message(), event_message("click"), event_message("conversion")]
    first = ingest(site=served, items=items, now=NOW)
    again = ingest(site=served, items=items[::-1], now=NOW + SECOND)
    assert (first.accepted, first.duplicates) == (3, 0)
    assert (again.accepted, again.duplicates) == (0, 3)
    assert set(Event.objects.values_list("received_at", flat=True)) == {NOW}


def test_id_that_comes_twice_in_a_batch_is_stored_once(served):
    message = event_message()
    receipt = ingest(site=served, items=[message, message | {"visitor": "v-2"}], now=NOW)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)
    assert Event.objects.get().visitor == "v-1"


def test_same_id_on_two_sites_is_two_events(served, other_site):
    message = event_message("conversion")
    rival = served_again(other_site)
    for site in (served, rival):
        assert ingest(site=site, items=[message], now=NOW).accepted == 1
    assert Event.objects.count() == 2


def test_spellings_of_one_id_are_one_event(served):
    message = event_message(id="01a20000-0000-7000-8000-00000000000a")
    shouted = message | {"id": message["id"].upper()}
    receipt = ingest(site=served, items=[message, shouted], now=NOW)
    assert (receipt.accepted, receipt.duplicates) == (1, 1)


def test_nothing_of_a_batch_is_stored_when_it_cannot_be(served, monkeypatch):
    def broken(*_, **__):
        raise DatabaseError("disk full")

    monkeypatch.setattr(store.PendingBatch.objects, "create", broken)
    with pytest.raises(NotTakenError, match="disk full"):
        ingest(site=served, items=[event_message()], now=NOW)
    assert not Event.objects.exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(
    kinds=st.lists(st.sampled_from(["exposure", "click", "conversion"]), max_size=8),
    batches=st.lists(st.lists(st.integers(0, 7), max_size=8), max_size=6),
)
def test_any_retries_store_each_event_once(served, kinds, batches):
    Event.objects.all().delete()
    messages = [event_message(kind) for kind in kinds]
    sent, accepted = set(), 0
    for chosen in batches:
        items = [messages[index] for index in chosen if index < len(messages)]
        accepted += ingest(site=served, items=items, now=NOW).accepted
        sent |= {item["id"] for item in items}
    stored = Event.objects.values_list("event_id", flat=True)
    assert (accepted, {str(one) for one in stored}) == (len(sent), sent)
    assert len(stored) == len(sent)


def test_same_batch_from_several_threads_is_stored_once(real_database):
    slot = factories.make_slot(factories.make_site())
    factories.make_running_experiment(slot)
    site = served_again(slot.site)
    items = [event_message(visitor=f"v-{n}") for n in range(20)]
    receipts = in_threads(*[lambda: ingest(site=site, items=items, now=NOW)] * 4)
    assert Event.objects.count() == 20
    assert all(receipt.accepted + receipt.duplicates == 20 for receipt in receipts)
    assert sum(receipt.accepted for receipt in receipts) == 20


@pytest.fixture
def changed_shares(running_experiment):
    """Halves until yesterday, then 80 to 20."""
    courses = ([0.5, 0.5], 1.0), ([0.8, 0.2], 1.0)
    factories.make_phases(running_experiment, *courses, every=timedelta(days=6))
    return running_experiment


@pytest.mark.parametrize(
    ("changes", "phase", "propensity"),
    [
        ({"at": (NOW - timedelta(days=2)).isoformat()}, None, 0.5),
        ({}, 1, 0.2),
        ({"phase": 0}, None, 0.5),
        ({"phase": 1}, 1, 0.2),
        ({"phase": 1, "at": (NOW - timedelta(days=2)).isoformat()}, None, 0.5),
        ({"phase": 7}, 1, 0.2),
    ],
    ids=["before", "after", "told before", "told after", "not begun", "unknown"],
)
def test_exposure_has_the_propensity_of_its_phase(changed_shares, changes, phase, propensity):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    event = factories.event_message(attributes={"device": "mobile"}, **changes)
    assert ingest(site=site, items=[event], now=NOW).accepted == 1
    stored = Event.objects.get()
    assert stored.propensity == propensity
    assert stored.attributes == {"device": "mobile"} | ({"phase": phase} if phase else {})


def test_phase_of_an_event_is_a_small_number(changed_shares):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    items = [factories.event_message(phase=wrong) for wrong in (-1, 40_000, "1", 0.5)]
    assert len(ingest(site=site, items=items, now=NOW).rejected) == 4
