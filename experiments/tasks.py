"""What the queue runs: load, call a service, log."""

import logging

from celery import shared_task
from django.utils import timezone

from experiments.services.jobs import expire_silent_jobs, run_job
from experiments.services.predictions import WORK
from experiments.services.rollups import fold_pending

logger = logging.getLogger(__name__)


@shared_task
def fold_rollups() -> None:
    """Count the events that wait. Beat calls it every few seconds."""
    folded = fold_pending()
    if folded:
        logger.info("folded %s events", folded)


@shared_task
def give_up_silent_jobs() -> None:
    """Free the pages that wait for a worker that was killed. Beat calls it every few minutes."""
    count = expire_silent_jobs(now=timezone.now())
    if count:
        logger.warning("gave up %s silent jobs", count)


@shared_task
def do_job(pk: int) -> None:
    """Train or rank, as the job says; torch is loaded here and never in the web process."""
    run_job(pk=pk, work=WORK)
