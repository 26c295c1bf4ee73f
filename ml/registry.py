"""candidate -> active -> retired: which predictor is in use, and the way back."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from ml.models import PredictorVersion

Status = PredictorVersion.Status


@transaction.atomic
def register(
    *, strategy: str, artifact: str, manifest: dict[str, Any], now: datetime
) -> PredictorVersion:
    """Store a trained predictor as a candidate.

    Args:
        strategy: Name of the strategy that made it.
        artifact: Folder of its files, relative to the model folder.
        manifest: What the artefact says of itself; JSON types only.
        now: Moment of registration.

    Returns:
        The candidate with the next version number.
    """
    last = PredictorVersion.objects.aggregate(last=Max("number"))["last"] or 0
    return PredictorVersion.objects.create(
        number=last + 1, strategy=strategy, artifact=artifact, manifest=manifest, created_at=now
    )


def promote(version: PredictorVersion, *, now: datetime) -> bool:
    """Put a candidate into use; return False if it was no candidate any more."""
    return _activate(version.number, old=(Status.CANDIDATE,), now=now)


def reject(version: PredictorVersion) -> bool:
    """Mark a candidate that did not pass the gate; return False if it was no candidate."""
    waiting = PredictorVersion.objects.filter(pk=version.pk, status=Status.CANDIDATE)
    return waiting.update(status=Status.REJECTED) == 1


def roll_back(number: int, *, now: datetime) -> bool:
    """Put a retired version back into use; return False if there is no such one."""
    return _activate(number, old=(Status.RETIRED,), now=now)


def active_version() -> PredictorVersion | None:
    """Return the version in use, or None: then there is no prediction."""
    return PredictorVersion.objects.filter(status=Status.ACTIVE).first()


@transaction.atomic
def _activate(number: int, *, old: tuple[PredictorVersion.Status, ...], now: datetime) -> bool:
    # The rows are the lock: two promotions at once come one after the other.
    rows = PredictorVersion.objects.select_for_update()
    list(rows.filter(status=Status.ACTIVE))
    if not rows.filter(number=number, status__in=old).exists():
        return False
    rows.filter(status=Status.ACTIVE).update(status=Status.RETIRED)
    chosen = PredictorVersion.objects.filter(number=number, status__in=old)
    return chosen.update(status=Status.ACTIVE, promoted_at=now) == 1
