from decimal import Decimal

import numpy as np
import pytest

from experiments.assignment.hashing import assign_visitor, hash_unit
from experiments.models import Change, Experiment
from experiments.selectors import serving
from experiments.services.lifecycle import traffic_allocation
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.traffic_allocation import CannotChangeError, change_traffic
from experiments.services.serving.snapshot import build_snapshot
from tests import factories
from tests.factories import NOW, STARTED

pytestmark = pytest.mark.on_both_databases

VISITORS = [f"v-{n}" for n in range(2_000)]
NOW_AND_HERE = Occasion(now=NOW)


def shares(**values):
    return {key: Decimal(value) for key, value in values.items()}


def allocation():
    site = build_snapshot(revision=1, now=NOW).client_keys["shop-client-key"]
    return site.slots["hero"].experiments[0].allocation


def arms_of(rules):
    return np.array(
        [-1 if (arm := assign_visitor(rules, v).arm) is None else arm for v in VISITORS]
    )


def test_change_of_shares_is_a_new_phase_and_the_past_is_written_down(running_experiment, owner):
    before = arms_of(allocation())
    revision = serving.config_revision()
    occasion = Occasion(now=NOW, author=owner, note="b leads")
    new = shares(control="0.3", b="0.7")
    assert change_traffic(experiment=running_experiment, shares=new, occasion=occasion)
    past, present = running_experiment.phases.order_by("number")
    assert (past.started_at, past.shares, past.slices) == (
        STARTED,
        [0.5, 0.5],
        [[0, 5_000, 0], [5_000, 10_000, 1]],
    )
    assert (present.started_at, present.shares) == (NOW, [0.3, 0.7])
    assert [float(arm.share) for arm in running_experiment.variants.all()] == [0.3, 0.7]
    assert serving.config_revision() == revision + 1
    after = arms_of(allocation())
    assert np.mean(after) == pytest.approx(0.7, abs=0.03)
    assert np.mean(before != after) == pytest.approx(0.2, abs=0.03)
    change = Change.objects.get()
    assert (change.kind, change.author, change.at) == ("shares", owner, NOW)
    assert change.note == "control 30.00%, b 70.00%; 100.00%\nb leads"


@pytest.mark.parametrize("coverage", ["1", "0.3", "0.0123"])
def test_past_is_what_was_served_to_the_last_visitor(slot, coverage):
    factories.make_running_experiment(
        slot, shares={"control": "0.3333", "b": "0.3333", "c": "0.3334"}, coverage=coverage
    )
    before = arms_of(allocation())
    experiment = Experiment.objects.get()
    change_traffic(experiment=experiment, coverage=Decimal("0.5"), occasion=NOW_AND_HERE)
    first = experiment.phases.get(number=0)
    place = allocation()
    owners = np.full(10_000, -1)
    for start, end, arm in first.slices:
        owners[start:end] = arm
    places = [round(hash_unit(place.seed, v) * 10_000) for v in VISITORS]
    assert (owners[places] == before).all()


def test_phase_of_before_is_served_and_continued_as_it_was_rounded_then(slot):
    """Its slices are what counts, not what its shares and coverage would give today."""
    written = [[0, 1, 0], [268, 272, 1], [2232, 2247, 2]]
    split = {"control": "0.0268", "b": "0.1964", "c": "0.7768"}
    experiment = factories.make_running_experiment(slot, shares=split, coverage="0.002")
    experiment.phases.create(
        number=0,
        started_at=STARTED,
        shares=[0.0268, 0.1964, 0.7768],
        coverage=Decimal("0.002"),
        slices=written,
    )
    assert allocation().ranges == tuple((start / 10_000, end / 10_000) for start, end, _ in written)
    change_traffic(experiment=experiment, coverage=Decimal("0.0024"), occasion=NOW_AND_HERE)
    past, present = experiment.phases.order_by("number")
    assert past.slices == written
    held = {(bucket, arm) for start, end, arm in written for bucket in range(start, end)}
    now = {(bucket, arm) for start, end, arm in present.slices for bucket in range(start, end)}
    assert (held <= now, len(now)) == (True, 24)


def test_same_traffic_is_no_change(running_experiment):
    same = shares(control="0.5", b="0.5")
    kept = change_traffic(
        experiment=running_experiment, shares=same, coverage=Decimal(1), occasion=NOW_AND_HERE
    )
    assert not kept
    assert not running_experiment.phases.exists()
    assert not Change.objects.exists()


def test_allocator_may_change_shares_again_and_again(running_experiment):
    for number, b in enumerate(("0.6", "0.4", "0.55")):
        new = {"b": Decimal(b), "control": 1 - Decimal(b)}
        change_traffic(experiment=running_experiment, shares=new, occasion=NOW_AND_HERE)
        assert running_experiment.phases.count() == number + 2
    assert np.mean(arms_of(allocation())) == pytest.approx(0.55, abs=0.03)


def test_share_of_zero_drops_an_arm(running_experiment):
    new = shares(control="1", b="0")
    assert change_traffic(experiment=running_experiment, shares=new, occasion=NOW_AND_HERE)
    assert set(arms_of(allocation())) == {0}
    assert [float(arm.share) for arm in running_experiment.variants.all()] == [1, 0]
    back = shares(control="0.5", b="0.5")
    assert change_traffic(experiment=running_experiment, shares=back, occasion=NOW_AND_HERE)
    first, _, last = running_experiment.phases.order_by("number")
    assert last.slices == first.slices


@pytest.mark.parametrize("status", ["draft", "stopped", "archived"])
def test_only_live_experiments_change_their_traffic(slot, status):
    stamps = {} if status == "draft" else {"started_at": STARTED, "stopped_at": NOW}
    experiment = factories.make_experiment(slot, status=status, **stamps)
    with pytest.raises(CannotChangeError, match="running or paused"):
        change_traffic(experiment=experiment, coverage=Decimal("0.5"), occasion=NOW_AND_HERE)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shares": shares(control="0.5")}, "Give a share to each arm: b, control"),
        ({"shares": shares(control="0.5", b="0.4")}, "add up to 90%; they must add up to 100%"),
        ({"shares": shares(control="1.5", b="-0.5")}, "Arm b: a share lies between 0 and 1"),
        ({"shares": shares(control="0", b="1")}, "The control needs a share above 0"),
        ({"shares": shares(control="0.50005", b="0.49995")}, "steps of 0.0001"),
        ({"shares": shares(control="NaN", b="0.5")}, "Arm control: a share"),
        ({"coverage": Decimal(0)}, "The coverage must be above 0"),
        ({"coverage": Decimal("1.1")}, "The coverage must be above 0"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_impossible_traffic_is_refused_and_nothing_is_written(running_experiment, changes, reason):
    with pytest.raises(CannotChangeError, match=reason):
        change_traffic(experiment=running_experiment, occasion=NOW_AND_HERE, **changes)
    assert not running_experiment.phases.exists()


def test_changes_are_bounded(running_experiment, monkeypatch):
    monkeypatch.setattr(traffic_allocation, "MAX_PHASES", 2)
    change_traffic(experiment=running_experiment, coverage=Decimal("0.5"), occasion=NOW_AND_HERE)
    with pytest.raises(CannotChangeError, match="changed too often"):
        change_traffic(
            experiment=running_experiment, coverage=Decimal("0.6"), occasion=NOW_AND_HERE
        )
