import json
from decimal import Decimal

import pytest

from experiments.models import Change, Experiment
from experiments.services.lifecycle import arm_rollback
from experiments.services.lifecycle.arm_rollback import restore_arm, roll_back_arms
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.traffic_allocation import change_traffic
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

REASON = json.dumps({"code": "person", "text": "Broken form."})
HERE = Occasion(now=NOW)
FOUR = {"control": "0.4", "b": "0.3", "c": "0.2", "d": "0.1"}


def shares(experiment):
    return [float(arm.share) for arm in experiment.variants.order_by("arm")]


@pytest.fixture
def experiment(slot):
    return factories.make_running_experiment(slot, shares=FOUR)


def test_harmed_arm_gives_its_share_to_the_others_in_proportion(experiment):
    assert roll_back_arms(experiment=experiment, reasons={"c": REASON}, occasion=HERE)
    assert shares(experiment) == [0.5, 0.375, 0, 0.125]
    assert Experiment.objects.get().status == Experiment.Status.RUNNING
    arm = experiment.variants.get(key="c")
    assert (arm.rolled_back_at, arm.rollback_reason) == (NOW, REASON)
    change = Change.objects.get()
    assert change.kind == "arm_off"
    assert change.note == f"control 50.00%, b 37.50%, c 0.00%, d 12.50%; 100.00%\n{REASON}"


def test_several_arms_go_in_one_phase(experiment):
    reasons = {"b": REASON, "d": REASON}
    assert roll_back_arms(experiment=experiment, reasons=reasons, occasion=HERE)
    assert shares(experiment) == [0.6667, 0, 0.3333, 0]
    assert experiment.phases.count() == 2


@pytest.mark.parametrize("most", [500, 0], ids=["control alone is left", "no phase is left"])
def test_whole_experiment_is_rolled_back_where_no_arm_can_go_on(experiment, monkeypatch, most):
    monkeypatch.setattr(arm_rollback, "MAX_PHASES", most)
    reasons = dict.fromkeys("bcd" if most else "b", REASON)
    assert roll_back_arms(experiment=experiment, reasons=reasons, occasion=HERE)
    stored = Experiment.objects.get()
    assert (stored.status, stored.rollback_reason) == (Experiment.Status.PAUSED, REASON)
    assert shares(experiment) == [0.4, 0.3, 0.2, 0.1]
    assert Change.objects.get().kind == "rollback"


def test_arms_are_rolled_back_once_and_only_while_it_runs(experiment):
    done = [
        roll_back_arms(experiment=experiment, reasons={"c": REASON}, occasion=HERE)
        for _ in range(2)
    ]
    assert done == [True, False]
    Experiment.objects.update(status=Experiment.Status.PAUSED)
    assert not roll_back_arms(experiment=experiment, reasons={"b": REASON}, occasion=HERE)


def test_restored_arm_has_its_last_share_and_the_others_theirs(experiment, owner):
    roll_back_arms(experiment=experiment, reasons={"c": REASON}, occasion=HERE)
    occasion = Occasion(now=NOW, author=owner)
    assert restore_arm(experiment=experiment, key="c", occasion=occasion)
    assert shares(experiment) == [0.4, 0.3, 0.2, 0.1]
    first, _, last = experiment.phases.order_by("number")
    assert last.slices == first.slices
    arm = experiment.variants.get(key="c")
    assert (arm.rolled_back_at, arm.rollback_reason) == (None, "")
    assert not Experiment.objects.get().rolls_back
    change = Change.objects.order_by("pk").last()
    assert (change.kind, change.author) == ("arm_on", owner)
    assert not restore_arm(experiment=experiment, key="c", occasion=occasion)
    assert not restore_arm(experiment=experiment, key="b", occasion=occasion)


def test_restored_arm_takes_from_all_where_the_shares_changed_since(experiment):
    roll_back_arms(experiment=experiment, reasons={"c": REASON, "d": REASON}, occasion=HERE)
    assert restore_arm(experiment=experiment, key="d", occasion=HERE)
    # As if only c had been taken out.
    assert shares(experiment) == [0.5, 0.375, 0, 0.125]
    others = {"control": Decimal("0.8"), "b": Decimal("0.1"), "c": Decimal(0), "d": Decimal("0.1")}
    change_traffic(experiment=experiment, shares=others, occasion=HERE)
    assert restore_arm(experiment=experiment, key="c", occasion=HERE)
    assert shares(experiment) == [0.64, 0.08, 0.2, 0.08]


def test_share_given_by_hand_undoes_a_roll_back_too(experiment):
    roll_back_arms(experiment=experiment, reasons={"c": REASON}, occasion=HERE)
    given = {key: Decimal(share) for key, share in FOUR.items()}
    change_traffic(experiment=experiment, shares=given, occasion=HERE)
    assert experiment.variants.get(key="c").rolled_back_at is None
