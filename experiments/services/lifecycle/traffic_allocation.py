"""Shares and coverage of an experiment while it is live: each change is a new phase.

All changes of traffic go through here, by a person, a ramp, a roll-back or an adaptive allocator.
Assigned visitors keep their arm (`experiments.assignment.phases`, `serving.arm_assignment`), and
the report uses the shares of each period. An arm with a share of 0 is dropped: nobody is given it
any more, and the visitors who have it fall out of the experiment.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from django.db import transaction
from django.utils.translation import gettext as _

from experiments.assignment.hashing import bucket_ranges
from experiments.assignment.phases import Slice, first_slices, moved_slices, slices_of
from experiments.formatting import share as in_percent
from experiments.models import Experiment, Phase, Variant
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from experiments.services.lifecycle.rivals import starvation_faults

# An allocator that moves shares hourly for three weeks; each phase costs serving some memory.
MAX_PHASES = 500
STEP = Decimal("0.0001")


class CannotChangeError(Exception):
    """The traffic is invalid; `reasons` are sentences for the user."""

    def __init__(self, reasons: list[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons


@transaction.atomic
def change_traffic(
    *,
    experiment: Experiment,
    occasion: Occasion,
    shares: Mapping[str, Decimal] | None = None,
    coverage: Decimal | None = None,
    kind: Kind = Kind.SHARES,
) -> bool:
    """Change the shares of the arms, or the coverage.

    Args:
        experiment: Running or paused experiment.
        occasion: Time, author and reason.
        shares: Shares by key of arm, for all arms, in steps of 0.01 %, summing to 1; the control
            keeps one above 0. None leaves them as they are.
        coverage: Share of the audience, above 0 up to 1 in the same steps; None leaves it.
        kind: Kind of change in the history.

    Returns:
        False if nothing changes.

    Raises:
        CannotChangeError: If the experiment is not live, the numbers are invalid, or another
            experiment of the slot would have no visitor left.
    """
    rows = Experiment.objects.select_for_update(no_key=True)
    # The current row, locked: concurrent changes run one after the other.
    live = rows.get(pk=experiment.pk)
    variants = list(live.variants.order_by("arm"))
    reasons = list(_faults(live, variants, shares, coverage))
    # The steps of a ramp were looked at when it was planned, and when another one started.
    if coverage is not None and kind != Kind.RAMP and not reasons:
        reasons = list(starvation_faults(live, coverage=coverage))
    if reasons:
        raise CannotChangeError(reasons)
    new_shares = [shares[arm.key] if shares else arm.share for arm in variants]
    new_coverage = live.coverage if coverage is None else coverage
    if new_shares == [arm.share for arm in variants] and new_coverage == live.coverage:
        return False
    _new_phase(live, variants, new_shares, new_coverage, occasion)
    record(live, kind, replace(occasion, note=_note(occasion, variants, new_shares, new_coverage)))
    bump_revision()
    experiment.coverage = new_coverage
    return True


def begin_phases(experiment: Experiment, variants: Sequence[Variant], occasion: Occasion) -> None:
    """Write the first phase of an experiment that starts with partial coverage.

    Small parts are cut to whole buckets here, so that the shares are met as closely as possible.
    """
    shares = [float(arm.share) for arm in variants]
    slices = first_slices(shares, float(experiment.coverage))
    _write(experiment, 0, shares, slices, occasion)


def _new_phase(
    experiment: Experiment,
    variants: Sequence[Variant],
    shares: Sequence[Decimal],
    coverage: Decimal,
    occasion: Occasion,
) -> None:
    history: list[Sequence[Slice]] = [phase.slices for phase in experiment.phases.all()]
    if not history:
        history = [_write_past(experiment, variants)]
    phase_shares = [float(share) for share in shares]
    slices = moved_slices(history, phase_shares, float(coverage))
    for variant, share in zip(variants, shares, strict=True):
        # Whoever gives a rolled-back arm a share undoes its roll-back.
        undone = {"rolled_back_at": None, "rollback_reason": ""} if share else {}
        Variant.objects.filter(pk=variant.pk).update(share=share, **undone)
    experiment.coverage = coverage
    experiment.save(update_fields=["coverage"])
    _write(experiment, len(history), phase_shares, slices, occasion)


def _write_past(experiment: Experiment, variants: Sequence[Variant]) -> Sequence[Slice]:
    """Store the phase in force since the start, exactly as it was served."""
    shares = [float(arm.share) for arm in variants]
    slices = slices_of(bucket_ranges(len(shares), float(experiment.coverage), shares))
    if experiment.started_at is None:  # The database forbids it: experiment_started_unless_draft.
        raise ValueError(f"experiment {experiment.key} is live without a start")
    _write(experiment, 0, shares, slices, Occasion(now=experiment.started_at))
    return slices


def _write(
    experiment: Experiment,
    number: int,
    shares: Sequence[float],
    slices: Sequence[Slice],
    occasion: Occasion,
) -> None:
    Phase.objects.create(
        experiment=experiment,
        number=number,
        started_at=occasion.now,
        shares=list(shares),
        coverage=experiment.coverage,
        slices=slices,
    )


def _faults(
    experiment: Experiment,
    variants: Sequence[Variant],
    shares: Mapping[str, Decimal] | None,
    coverage: Decimal | None,
) -> Iterator[str]:
    if experiment.status not in Experiment.LIVE_STATUSES:
        yield _("Only a running or paused experiment can change its traffic.")
    if experiment.phases.count() >= MAX_PHASES:
        yield _("It has changed too often: start a new experiment.")
    if shares is not None:
        yield from _share_faults([arm.key for arm in variants], shares)
    if coverage is not None and not _is_part(coverage):
        yield _("The coverage must be above 0, at most 1, in steps of 0.0001.")


def _share_faults(keys: Sequence[str], shares: Mapping[str, Decimal]) -> Iterator[str]:
    """Yield the faults of these arms' shares, control first."""
    if set(shares) != set(keys):
        yield _("Give a share to each arm: %(keys)s.") % {"keys": ", ".join(sorted(keys))}
    invalid_keys = [key for key, share in shares.items() if share != 0 and not _is_part(share)]
    for key in invalid_keys:
        values = {"key": key}
        yield _("Arm %(key)s: a share lies between 0 and 1, in steps of 0.0001.") % values
    if not invalid_keys and shares.get(keys[0]) == 0:
        yield _("The control needs a share above 0: every arm is compared with it.")
    if not invalid_keys and (fault := sum_fault(shares.values())):
        yield fault


def sum_fault(shares: Iterable[Decimal]) -> str | None:
    """Return the fault of shares that do not add up to 1; None if they do."""
    total = sum(shares, Decimal(0))
    if total == 1:
        return None
    return _("The shares add up to %(total)s; they must add up to 100%%.") % {
        "total": in_percent(total)
    }


def _is_part(value: Decimal) -> bool:
    return value.is_finite() and 0 < value <= 1 and value % STEP == 0


def _note(
    occasion: Occasion, variants: Sequence[Variant], shares: Sequence[Decimal], coverage: Decimal
) -> str:
    """Return the new traffic, in language-neutral figures, with the reason given."""
    parts = [f"{arm.key} {share:.2%}" for arm, share in zip(variants, shares, strict=True)]
    return "\n".join(filter(None, (f"{', '.join(parts)}; {coverage:.2%}", occasion.note)))
