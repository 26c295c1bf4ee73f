from datetime import timedelta

import pytest
from django.utils import timezone, translation
from django.utils.translation import get_language

from experiments.models import Job
from experiments.services import jobs
from experiments.services.jobs import AlreadyTrainingError, JobFailedError, create_job, run_job
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Kind = Job.Kind


def make_job(kind=Kind.RANKING, **request):
    return create_job(kind=kind, request=request, by=None, now=timezone.now())


def run(job, work):
    done = run_job(pk=job.pk, work={Kind(job.kind): work})
    job.refresh_from_db()
    return done


def test_job_keeps_its_result():
    job = make_job(number=2)
    assert run(job, lambda request, _: {"twice": 2 * request["number"]})
    assert (job.status, job.progress, job.result) == ("done", 1.0, {"twice": 4})
    assert job.finished_at is not None


def test_job_runs_once_however_often_it_is_delivered():
    job = make_job()
    run(job, lambda *_: {"first": True})
    assert not run(job, lambda *_: {"first": False})
    assert job.result == {"first": True}


def test_job_shows_how_far_it_is():
    seen = []

    def work(_, report):
        report(0.4, "reading")
        seen.append(Job.objects.values_list("progress", "message").get())
        return {}

    run(make_job(), work)
    assert seen == [(0.4, "reading")]


def test_job_that_fails_as_expected_says_why():
    def work(*_):
        raise JobFailedError("Too little history.")

    job = make_job()
    run(job, work)
    assert (job.status, job.message) == ("failed", "Too little history.")


def test_job_that_breaks_is_failed_and_the_fault_is_not_swallowed():
    def work(*_):
        raise ZeroDivisionError

    job = make_job()
    with pytest.raises(ZeroDivisionError):
        run(job, work)
    job.refresh_from_db()
    assert job.status == "failed"


def test_job_speaks_the_language_of_who_started_it():
    with translation.override("fr"):
        job = make_job()
    run(job, lambda *_: {"language": get_language()})
    assert job.result == {"language": "fr"}


def test_second_training_is_refused_while_one_waits():
    make_job(Kind.TRAINING)
    with pytest.raises(AlreadyTrainingError):
        make_job(Kind.TRAINING)


def test_rankings_do_not_wait_for_each_other():
    make_job()
    make_job()
    assert Job.objects.count() == 2


def test_killed_training_does_not_block_the_next_one():
    killed = make_job(Kind.TRAINING)
    silent_since = timezone.now() - jobs.SILENCE - timedelta(minutes=1)
    Job.objects.update(status=Job.Status.RUNNING, heartbeat_at=silent_since)
    make_job(Kind.TRAINING)
    killed.refresh_from_db()
    assert killed.status == "failed"


@pytest.mark.parametrize(
    ("status", "silence", "given_up"),
    [
        ("running", jobs.SILENCE / 2, 0),
        ("running", jobs.SILENCE * 2, 1),
        ("queued", jobs.SILENCE * 2, 0),
        ("queued", jobs.LONGEST_WAIT * 2, 1),
        ("done", jobs.LONGEST_WAIT * 2, 0),
    ],
)
def test_silent_jobs_are_given_up(status, silence, given_up):
    make_job()
    Job.objects.update(status=status, heartbeat_at=NOW - silence)
    assert jobs.expire_silent_jobs(now=NOW) == given_up
