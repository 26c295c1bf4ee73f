"""Registry of predictor versions: promotion, retirement and rollback."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max, QuerySet

from ml.models import PredictorVersion
from ml.scoring.manifest import LearningCurveRecord, Manifest

Status = PredictorVersion.Status


def active_version() -> PredictorVersion | None:
    return PredictorVersion.objects.filter(status=Status.ACTIVE).first()


def version_before(version: PredictorVersion) -> PredictorVersion | None:
    """Return the version that was trained before this one; None of the first."""
    return PredictorVersion.objects.filter(number__lt=version.number).order_by("-number").first()


@transaction.atomic
def register_version(
    *, strategy: str | None, artifact: str, manifest: Manifest, now: datetime
) -> PredictorVersion:
    """Store the result of a training; without a strategy, as rejected."""
    last = PredictorVersion.objects.aggregate(last=Max("number"))["last"] or 0
    return PredictorVersion.objects.create(
        number=last + 1,
        status=Status.CANDIDATE if strategy else Status.REJECTED,
        strategy=strategy or "",
        artifact=artifact,
        manifest=dict(manifest),
        created_at=now,
    )


def promote_version(*, number: int) -> bool:
    """Make a candidate the active version; return False if it is not a candidate any more."""
    return _activate(number, source=Status.CANDIDATE)


def roll_back_to(*, number: int) -> bool:
    """Bring a retired version back; return False if it is not retired."""
    return _activate(number, source=Status.RETIRED)


def retire_active() -> bool:
    """Stop predicting; return False if nothing was active."""
    return _active().update(status=Status.RETIRED) == 1


@transaction.atomic
def keep_learning_curve(record: LearningCurveRecord) -> int | None:
    """Keep measured curves with the active version; return its number, None if there is none."""
    version = _active().select_for_update().first()
    if version is None:
        return None
    version.manifest = {**version.manifest, "learning_curve": record}
    version.save(update_fields=["manifest"])
    return version.number


@transaction.atomic
def _activate(number: int, *, source: str) -> bool:
    _active().exclude(number=number).update(status=Status.RETIRED)
    # The condition inside the UPDATE is the lock: two people may press the button at once.
    chosen = PredictorVersion.objects.filter(number=number, status=source)
    if chosen.update(status=Status.ACTIVE) == 1:
        return True
    transaction.set_rollback(True)
    return False


def _active() -> QuerySet[PredictorVersion]:
    return PredictorVersion.objects.filter(status=Status.ACTIVE)
