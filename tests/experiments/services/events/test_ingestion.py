from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from experiments.event_schema.messages import MAX_AGE
from experiments.event_schema.rules import MAX_AHEAD, UNKNOWN_PHASE
from experiments.models import Event, Experiment, PendingBatch
from experiments.services.events.ingestion import Origin, accept
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.experiments.services.sending import reason_of, served_again
from tests.factories import NOW, STARTED, event_message
from tests.intake import ingest

pytestmark = pytest.mark.on_both_databases

SECOND = timedelta(seconds=1)


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
        ({"variant": "b@0"}, None, 0.5),
        ({"variant": "b@1"}, 1, 0.2),
        ({"variant": "b@0", "phase": 1}, None, 0.5),
        ({"variant": "b@"}, 1, 0.2),
        ({"phase": 1, "at": (NOW - timedelta(days=2)).isoformat()}, UNKNOWN_PHASE, None),
        ({"phase": 7}, UNKNOWN_PHASE, None),
        ({"phase": UNKNOWN_PHASE}, UNKNOWN_PHASE, None),
        ({"variant": "b@99999"}, UNKNOWN_PHASE, None),
    ],
    ids=str,
)
def test_exposure_has_the_propensity_of_its_phase(changed_shares, changes, phase, propensity):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    event = factories.event_message(attributes={"device": "mobile"}, **changes)
    assert ingest(site=site, items=[event], now=NOW).accepted == 1
    stored = Event.objects.get()
    assert stored.propensity == propensity
    assert stored.attributes == {"device": "mobile"} | ({"phase": phase} if phase else {})


def test_exposure_of_a_dropped_arm_belongs_to_the_answer_before(running_experiment):
    halves, alone = ([0.5, 0.5], 1.0), ([1.0, 0.0], 1.0)
    factories.make_phases(running_experiment, halves, alone, every=timedelta(days=6))
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    for phase in (None, 0):
        message = factories.event_message(variant="b", phase=phase)
        assert ingest(site=site, items=[message], now=NOW).rejected == ()
    assert [event.propensity for event in Event.objects.all()] == [0.5, 0.5]
    assert all("phase" not in event.attributes for event in Event.objects.all())


def test_phase_that_gave_nobody_the_arm_is_not_believed(running_experiment):
    factories.make_phases(running_experiment, ([1.0, 0.0], 1.0), ([0.5, 0.5], 1.0))
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    items = [factories.event_message(variant=arm) for arm in ("b@0", "b@1", "control@0")]
    rows = accept(site=site, items=items, now=NOW).rows
    assert [row.propensity for row in rows] == [None, 0.5, 1.0]


@pytest.mark.parametrize(
    ("at", "propensity"), [(NOW, None), (NOW - timedelta(days=2), 0.5)], ids=["after", "before"]
)
def test_browser_that_names_no_phase_may_have_kept_the_arm(changed_shares, at, propensity):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    event = factories.event_message(at=at.isoformat())
    (row,) = accept(site=site, items=[event], now=NOW, origin=Origin(is_page=True)).rows
    assert row.propensity == propensity


def test_coverage_alone_leaves_no_doubt_about_the_propensity(running_experiment):
    factories.make_phases(running_experiment, ([0.5, 0.5], 0.1), ([0.5, 0.5], 1.0))
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    (row,) = accept(
        site=site, items=[factories.event_message()], now=NOW, origin=Origin(is_page=True)
    ).rows
    assert (row.propensity, row.attributes) == (0.5, '{"phase":1}')


def test_phase_of_an_event_is_a_small_number(changed_shares):
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    items = [factories.event_message(phase=wrong) for wrong in (-1, 40_000, "1", 0.5)]
    assert len(ingest(site=site, items=items, now=NOW).rejected) == 4


def test_site_takes_values_from_servers_only(running_experiment):
    """One conversion in another currency would end the verdict, and the client key is public."""
    site = running_experiment.slot.site
    items = [
        event_message("conversion", goal="order", value="5,00", currency="XAU"),
        event_message("conversion", goal="order"),
    ]
    page = Origin(is_page=True)
    before = build_snapshot(revision=1, now=NOW).client_keys[site.client_key]
    assert accept(site=before, items=items, now=NOW, origin=page).rejected == ()
    site.values_need_server = True
    site.save()
    now = build_snapshot(revision=2, now=NOW).client_keys[site.client_key]
    accepted = accept(site=now, items=items, now=NOW, origin=page)
    assert [(row.index, row.reason) for row in accepted.rejected] == [
        (0, "value: this site takes values with a server key only")
    ]
    assert len(accepted.rows) == 1
    assert accept(site=now, items=items, now=NOW).rejected == ()
