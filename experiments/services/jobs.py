"""Long work: asked for in a request, done by a worker, watched on a page."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone, translation
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from experiments.models import Job

Kind, Status = Job.Kind, Job.Status
Report = Callable[[float, str], None]
# The job's request and a way to tell how far it is; returns the job's result.
Work = Callable[[Mapping[str, Any], Report], dict[str, Any]]

# A worker reports at least at every step; one that is silent for so long was killed.
SILENCE = timedelta(minutes=20)
# Behind a long training a job may wait; after so long its message was lost.
LONGEST_WAIT = timedelta(hours=3)


class AlreadyTrainingError(Exception):
    """A training waits or runs; one at a time is enough."""


class JobFailedError(Exception):
    """Expected failure of a job; its text is for the person who started it."""


def create_job(
    *, kind: Job.Kind, request: Mapping[str, Any], by: User | None, now: datetime
) -> Job:
    """Store a job that waits for a worker; the caller enqueues it after the commit.

    Raises:
        AlreadyTrainingError: If it is a training and one waits or runs already.
    """
    expire_silent_jobs(now=now)
    try:
        with transaction.atomic():
            return Job.objects.create(
                kind=kind,
                request=dict(request),
                language=get_language() or settings.LANGUAGE_CODE,
                created_by=by,
                created_at=now,
                heartbeat_at=now,
            )
    except IntegrityError as error:
        raise AlreadyTrainingError from error


def run_job(*, pk: int, work: Mapping[Job.Kind, Work]) -> bool:
    """Do a waiting job and keep its result; return False if it did not wait any more."""
    # The condition inside the UPDATE is the lock: a message may be delivered twice.
    waiting = Job.objects.filter(pk=pk, status=Status.QUEUED)
    if not waiting.update(status=Status.RUNNING, heartbeat_at=timezone.now()):
        return False
    job = Job.objects.get(pk=pk)
    with translation.override(job.language):
        _work(job, work[Kind(job.kind)])
    return True


def _work(job: Job, work: Work) -> None:
    pk = job.pk
    try:
        result = work(job.request, lambda *news: _report(pk, *news))
    except JobFailedError as error:
        _end(pk, status=Status.FAILED, message=str(error))
    except Exception:
        # The page must not show a job that runs for ever; the worker logs the traceback.
        _end(pk, status=Status.FAILED, message=_("An unexpected error; the log has details."))
        raise
    else:
        _end(pk, status=Status.DONE, progress=1.0, message="", result=result)


def expire_silent_jobs(*, now: datetime) -> int:
    """Give up jobs whose worker was killed; return how many."""
    silent = Job.objects.filter(
        Q(status=Status.RUNNING, heartbeat_at__lt=now - SILENCE)
        | Q(status=Status.QUEUED, heartbeat_at__lt=now - LONGEST_WAIT)
    )
    message = _("The worker fell silent. Start it again.")
    return silent.update(status=Status.FAILED, message=message, finished_at=now)


def _report(pk: int, fraction: float, message: str) -> None:
    Job.objects.filter(pk=pk, status=Status.RUNNING).update(
        progress=min(max(fraction, 0.0), 1.0), message=message, heartbeat_at=timezone.now()
    )


def _end(pk: int, **changes: Any) -> None:
    running = Job.objects.filter(pk=pk, status=Status.RUNNING)
    running.update(finished_at=timezone.now(), **changes)
