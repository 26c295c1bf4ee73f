"""Training of the predictor on the archive, as a job."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from experiments.models import Job
from experiments.models.operations.jobs import LEARNING_CURVE
from experiments.services.learning.history_rows import history_rows
from experiments.services.learning.jobs import (
    AlreadyTrainingError,
    JobFailedError,
    ProgressCallback,
    create_job,
)
from experiments.services.learning.learning_curve import measure_curve
from ml import predict

# Any fixed number: the same history makes the same predictor.
SEED = 20261122


def train(request: Mapping[str, Any], report: ProgressCallback) -> dict[str, Any]:
    """Learn from every past test; return what the job's page shows of it.

    A request for the learning curve alone measures that, and makes no predictor.

    Raises:
        JobFailedError: If the history does not allow it.
    """
    if request.get("only") == LEARNING_CURVE:
        return measure_curve(report)

    def report_stage(fraction: float, stage: str) -> None:
        report(fraction, predict.describe_stage(stage))

    try:
        outcome = predict.train(
            history_rows(), now=timezone.now(), seed=SEED, progress=report_stage
        )
    except predict.PredictorError as error:
        raise JobFailedError(str(error)) from error
    return dict(outcome)


def start_due_training(*, now: datetime) -> Job | None:
    """Ask for a training if enough tests have finished since the last one; None if not.

    `CTAOPT_RETRAIN_AFTER_TESTS` contrasts of wordings are enough; 0: only people ask for one.
    """
    threshold = settings.CTAOPT_RETRAIN_AFTER_TESTS
    if not threshold:
        return None
    n_new = predict.new_contrasts(history_rows())
    if n_new < threshold:
        return None
    try:
        return create_job(kind=Job.Kind.TRAINING, request={"new": n_new}, by=None, now=now)
    except AlreadyTrainingError:
        return None
