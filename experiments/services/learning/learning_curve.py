"""Learning curve of the predictor in use, measured as a job: what more past tests would bring.

It is a job of the kind of trainings, for both take the whole machine: one of them at a time.
"""

from collections.abc import Mapping
from typing import Any, cast

from django.utils import timezone
from django.utils.translation import gettext as _

from experiments.models.operations.jobs import LEARNING_CURVE
from experiments.services.learning.history_rows import history_rows
from experiments.services.learning.jobs import JobFailedError, ProgressCallback
from ml import predict

# What such a job is asked for.
REQUEST: Mapping[str, Any] = {"only": LEARNING_CURVE}


def measure_curve(report: ProgressCallback) -> dict[str, Any]:
    """Measure the curve of the strategy in use and keep it; return what the job's page shows.

    Raises:
        JobFailedError: If no predictor is in use, or the history does not allow it.
    """
    predictor = predict.active_summary()
    if predictor is None:
        raise JobFailedError(_("No predictor is in use: there is nothing to measure."))
    strategy, now = predictor["strategy"], timezone.now()
    try:
        found = predict.learning_curves(
            history_rows(),
            strategies=[strategy],
            progress=lambda fraction: report(fraction, _("Learning curve")),
        )
    except predict.PredictorError as error:
        raise JobFailedError(str(error)) from error
    predict.keep_learning_curves(found, now=now)
    names = ("groups", "splits", "curves", "growth")
    curve = {name: found[name] for name in names} | {"measured_at": now.isoformat()}
    return {"strategy": strategy, "curve": curve}


def curve_in_words(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a measured curve as the job's page shows it."""
    record = cast("predict.LearningCurveRecord", result["curve"])
    strategy = result["strategy"]
    return {
        "sentences": predict.more_tests_sentences(record, strategy=strategy),
        "rows": predict.curve_rows(record, strategy=strategy),
    }
