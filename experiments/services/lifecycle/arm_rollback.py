"""Roll-back of single arms: a harmed arm loses its share, the others go on.

The share goes to the others in proportion, as a new phase, so that those still compare like with
like. Whoever has the arm falls out of the experiment (`serving.arm_assignment`).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from decimal import ROUND_DOWN, Decimal

from django.db import transaction

from experiments.models import Experiment, Variant
from experiments.services.lifecycle.change_log import Kind, Occasion
from experiments.services.lifecycle.traffic_allocation import (
    MAX_PHASES,
    STEP,
    change_traffic,
)
from experiments.services.lifecycle.transitions import roll_back_experiment


@transaction.atomic
def roll_back_arms(
    *, experiment: Experiment, reasons: Mapping[str, str], occasion: Occasion
) -> bool:
    """Take arms out because of an alarm, or roll back the experiment if only control would be left.

    An experiment whose phases are used up is rolled back as a whole.

    Args:
        experiment: Running experiment.
        reasons: Reasons by key of arm, of arms but the control; see
            `services.operations.auto_rollback`.
        occasion: Time and author.

    Returns:
        False if it was not running, or the arms had no share any more.
    """
    rows = Experiment.objects.select_for_update(no_key=True)
    live = rows.get(pk=experiment.pk)
    variants = list(live.variants.order_by("arm"))
    harmed = {arm.key: reasons[arm.key] for arm in variants if arm.key in reasons and arm.share}
    if live.status != Experiment.Status.RUNNING or not harmed:
        return False
    rest = [arm for arm in variants if arm.share and arm.key not in harmed]
    told = replace(occasion, note="\n".join(harmed.values()))
    if len(rest) < 2 or live.phases.count() >= MAX_PHASES:
        first = next(iter(harmed.values()))
        told = replace(occasion, note=first)
        return roll_back_experiment(experiment=experiment, reason=first, occasion=told)
    shares = _shares_without({arm.key: arm.share for arm in variants}, set(harmed))
    change_traffic(experiment=experiment, shares=shares, occasion=told, kind=Kind.ARM_OFF)
    for key, reason in harmed.items():
        live.variants.filter(key=key).update(rolled_back_at=occasion.now, rollback_reason=reason)
    return True


@transaction.atomic
def restore_arm(*, experiment: Experiment, key: str, occasion: Occasion) -> bool:
    """Give an arm that was rolled back its last share again; return False if it was not.

    The alarm persists, so the experiment does not roll back automatically again.

    Raises:
        CannotChangeError: If the experiment is not live.
    """
    rows = Experiment.objects.select_for_update(no_key=True)
    live = rows.get(pk=experiment.pk)
    variants = list(live.variants.order_by("arm"))
    arm = next((one for one in variants if one.key == key and one.rolled_back_at), None)
    if arm is None:
        return False
    shares = _shares_with(variants, arm, _last_shares(live, variants, arm))
    change_traffic(experiment=experiment, shares=shares, occasion=occasion, kind=Kind.ARM_ON)
    Experiment.objects.filter(pk=experiment.pk).update(rolls_back=False)
    experiment.rolls_back = False
    return True


def _last_shares(
    experiment: Experiment, variants: Sequence[Variant], restored: Variant
) -> dict[str, Decimal]:
    """Return the shares of the last phase in which the arm had one."""
    phases = [
        {arm.key: Decimal(str(share)) for arm, share in zip(variants, phase.shares, strict=True)}
        for phase in experiment.phases.order_by("-number")
    ]
    return next(shares for shares in phases if shares[restored.key])


def _shares_without(shares: Mapping[str, Decimal], keys: Collection[str]) -> dict[str, Decimal]:
    rest = {key: Decimal(0) if key in keys else share for key, share in shares.items()}
    return _scaled(rest, to=Decimal(1))


def _shares_with(
    variants: Sequence[Variant], restored: Variant, last: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    present = {arm.key: arm.share for arm in variants}
    # Scaling back and forth would round, and move visitors.
    if _shares_without(last, {key for key, share in present.items() if not share}) == present:
        others = {key for key, share in present.items() if not share and key != restored.key}
        return _shares_without(last, others) if others else dict(last)
    share = last[restored.key]
    return {**_scaled(present, to=1 - share), restored.key: share}


def _scaled(shares: Mapping[str, Decimal], *, to: Decimal) -> dict[str, Decimal]:
    """Return shares in the same proportions; the first arm, the control, takes the rounding."""
    total = sum(shares.values(), Decimal(0))
    control, *others = shares
    scaled = {key: (shares[key] / total * to).quantize(STEP, ROUND_DOWN) for key in others}
    return {control: to - sum(scaled.values(), Decimal(0)), **scaled}
