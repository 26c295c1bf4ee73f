"""Background jobs with a heartbeat: created by a request, run by a worker, shown on a page.

A worker may be killed, a laptop may sleep, a message may be lost or come twice. The row of a job
decides: what is running and shows no sign of life goes back into the queue, and an attempt that
is no longer the row's current one stops at its next report.
"""

import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import Error, IntegrityError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from experiments.models import Job, Site
from experiments.services.lifecycle.outbox import tell_of_training

logger = logging.getLogger(__name__)

Kind, Status = Job.Kind, Job.Status
ProgressCallback = Callable[[float, str], None]
# Takes the job's request and a progress callback; returns the job's result.
Work = Callable[[Mapping[str, Any], ProgressCallback], dict[str, Any]]

# Three heartbeats fit into the silence after which a worker is given up.
HEARTBEAT_S = 20.0
SILENCE = timedelta(seconds=3 * HEARTBEAT_S)
# A job killed at every attempt is killed by its own work, usually for lack of memory.
MAX_ATTEMPTS = 3
# A message this old may have been lost with its broker: it is sent once more, which harms nothing.
RESEND_AFTER = timedelta(minutes=10)
# By then nobody waits for the answer.
LONGEST_WAIT = timedelta(hours=6)


class AlreadyTrainingError(Exception):
    """A training waits or runs; one at a time is enough."""


class JobFailedError(Exception):
    """Expected failure of a job; its text is for the person who started it."""


class JobGoneError(Exception):
    """The job was stopped by a person, or another attempt does it now: nothing is left to do."""


def create_job(
    *,
    kind: Job.Kind,
    request: Mapping[str, Any],
    by: User | None,
    now: datetime,
    site: Site | None = None,
) -> Job:
    """Store a job that waits for a worker; the caller enqueues it after the commit.

    Without a site a ranking is its author's, and a training the whole installation's. An open
    ranking is returned if its author asks for the same again.

    Raises:
        AlreadyTrainingError: If it is a training and one waits or runs already.
    """
    expire_hopeless_jobs(now=now)
    if kind == Kind.RANKING and (waiting := _same_ranking(request, by=by, site=site)):
        return waiting
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=kind,
                request=dict(request),
                language=get_language() or settings.LANGUAGE_CODE,
                created_by=by,
                site=site,
                created_at=now,
                heartbeat_at=now,
            )
    except IntegrityError as error:
        raise AlreadyTrainingError from error


def _same_ranking(request: Mapping[str, Any], *, by: User | None, site: Site | None) -> Job | None:
    """Return the open ranking of a person that asks for the same."""
    if by is None:
        return None
    open_ones = Job.objects.filter(
        kind=Kind.RANKING, status__in=(Status.QUEUED, Status.RUNNING), created_by=by, site=site
    )
    return next((job for job in open_ones if job.request == request), None)


def keep_answer(
    *,
    kind: Job.Kind,
    request: Mapping[str, Any],
    result: Mapping[str, Any],
    by: User | None,
    site: Site | None = None,
) -> Job:
    """Store what was answered at once, as a job that is done: its page shows it like any other."""
    now = timezone.now()
    return Job.objects.create(
        kind=kind,
        status=Status.DONE,
        progress=1.0,
        request=dict(request),
        result=dict(result),
        language=get_language() or settings.LANGUAGE_CODE,
        created_by=by,
        site=site,
        created_at=now,
        heartbeat_at=now,
        finished_at=now,
    )


def run_job(*, pk: int, work: Mapping[Job.Kind, Work]) -> bool:
    """Do a waiting job and keep its result; return False if it did not wait any more."""
    # The condition inside the UPDATE is the lock: a message may be delivered twice.
    waiting = Job.objects.filter(pk=pk, status=Status.QUEUED)
    if not waiting.update(
        status=Status.RUNNING, heartbeat_at=timezone.now(), attempt=F("attempt") + 1
    ):
        return False
    job = Job.objects.get(pk=pk)
    with translation.override(job.language), _heartbeats(job):
        _work(job, work[Kind(job.kind)])
    return True


def cancel_job(*, pk: int, now: datetime) -> bool:
    """Stop a job that waits or runs; return False if it has ended. Its worker stops by itself."""
    is_open = Job.objects.filter(pk=pk, status__in=(Status.QUEUED, Status.RUNNING))
    return is_open.update(status=Status.CANCELLED, message="", finished_at=now) == 1


def revive_silent_jobs(*, now: datetime) -> list[int]:
    """Put the jobs of killed workers back into the queue; return those to enqueue.

    A training goes on where it was: its finished folds are on the disk.
    """
    silent = Job.objects.filter(
        status=Status.RUNNING, heartbeat_at__lt=now - SILENCE, attempt__lt=MAX_ATTEMPTS
    )
    lost = Job.objects.filter(
        status=Status.QUEUED,
        heartbeat_at__lt=now - RESEND_AFTER,
        created_at__gte=now - LONGEST_WAIT,
    )
    revived = [job.pk for job in silent if _revive(job, now)]
    return revived + [pk for pk in lost.values_list("pk", flat=True) if _touch(lost, pk, now)]


def expire_hopeless_jobs(*, now: datetime) -> int:
    """Give up jobs that were killed at every attempt, or that waited too long; return how many."""
    hopeless = Job.objects.filter(
        Q(status=Status.RUNNING, heartbeat_at__lt=now - SILENCE, attempt__gte=MAX_ATTEMPTS)
        | Q(status=Status.QUEUED, created_at__lt=now - LONGEST_WAIT)
    )
    message = _("The worker was killed each time, or no worker took it. Look at its log.")
    return hopeless.update(status=Status.FAILED, message=message, finished_at=now)


def _revive(job: Job, now: datetime) -> bool:
    with translation.override(job.language):
        again, on = _("Interrupted; it begins again."), _("Interrupted; it goes on where it was.")
        message = again if job.is_curve else on
    # Only while it is the attempt that fell silent: a worker may have come back in between.
    return bool(
        _attempt(job)
        .filter(heartbeat_at=job.heartbeat_at)
        .update(status=Status.QUEUED, heartbeat_at=now, message=message)
    )


def _touch(lost: QuerySet[Job], pk: int, now: datetime) -> bool:
    return bool(lost.filter(pk=pk).update(heartbeat_at=now))


def _attempt(job: Job) -> QuerySet[Job]:
    """Return the job's row while this attempt is the one that does it."""
    return Job.objects.filter(pk=job.pk, status=Status.RUNNING, attempt=job.attempt)


@contextmanager
def _heartbeats(job: Job) -> Iterator[None]:
    """Tell every HEARTBEAT_S seconds that the worker lives, however long a step takes."""
    finished = threading.Event()

    def send_heartbeats() -> None:
        try:
            while not finished.wait(HEARTBEAT_S):
                _send_heartbeat(job)
        finally:
            connection.close()

    thread = threading.Thread(
        target=send_heartbeats, name=f"heartbeat of job {job.pk}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        finished.set()
        thread.join()


def _send_heartbeat(job: Job) -> None:
    try:
        _attempt(job).update(heartbeat_at=timezone.now())
    except Error:
        logger.warning("job %s could not show that it lives", job.pk, exc_info=True)


def _work(job: Job, work: Work) -> None:
    try:
        result = work(job.request, lambda *news: _report(job, *news))
    except JobGoneError:
        logger.info("job %s was stopped, or is done by another worker", job.pk)
    except JobFailedError as error:
        _end(job, status=Status.FAILED, message=str(error))
    except Exception:
        # The page must not show a job that runs for ever; the worker logs the traceback.
        _end(job, status=Status.FAILED, message=_("An unexpected error; the log has details."))
        raise
    else:
        _end(job, status=Status.DONE, progress=1.0, message="", result=result)


def _report(job: Job, fraction: float, message: str) -> None:
    news = {"progress": min(max(fraction, 0.0), 1.0), "message": message}
    if not _attempt(job).update(**news, heartbeat_at=timezone.now()):
        raise JobGoneError(job.pk)


@transaction.atomic
def _end(job: Job, **changes: Any) -> None:
    now = timezone.now()
    has_ended = _attempt(job).update(finished_at=now, **changes)
    if has_ended and job.kind == Kind.TRAINING and not job.is_curve:
        job.status = changes["status"]
        tell_of_training(job, now=now)
