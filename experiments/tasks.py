"""What the queue runs: load, call a service, log."""

import logging

from celery import shared_task

from experiments.services.rollups import fold_pending

logger = logging.getLogger(__name__)


@shared_task
def fold_rollups() -> None:
    """Count the events that wait. Beat calls it every few seconds."""
    folded = fold_pending()
    if folded:
        logger.info("folded %s events", folded)
