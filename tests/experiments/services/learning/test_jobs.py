from time import monotonic, sleep

import pytest
from django.utils import timezone, translation
from django.utils.translation import get_language

from experiments.models import Job
from experiments.services.learning import jobs
from experiments.services.learning.jobs import (
    AlreadyTrainingError,
    JobFailedError,
    cancel_job,
    create_job,
    run_job,
)
from tests.factories import NOW

pytestmark = [pytest.mark.django_db, pytest.mark.on_both_databases]
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


def test_training_of_a_killed_worker_is_done_again_and_no_other_starts():
    killed = make_job(Kind.TRAINING)
    Job.objects.update(status="running", attempt=1, heartbeat_at=NOW - 2 * jobs.SILENCE)
    assert jobs.revive_silent_jobs(now=NOW) == [killed.pk]
    with pytest.raises(AlreadyTrainingError):
        make_job(Kind.TRAINING)
    assert run(killed, lambda *_: {"done": True})
    assert (killed.status, killed.attempt, killed.result) == ("done", 2, {"done": True})


def test_training_that_was_killed_each_time_does_not_block_the_next_one():
    killed = make_job(Kind.TRAINING)
    silent_since = timezone.now() - 2 * jobs.SILENCE
    Job.objects.update(status="running", attempt=jobs.MAX_ATTEMPTS, heartbeat_at=silent_since)
    make_job(Kind.TRAINING)
    killed.refresh_from_db()
    assert killed.status == "failed"
    assert "killed each time" in killed.message


@pytest.mark.parametrize(
    ("changes", "revived", "given_up"),
    [
        ({"status": "running", "heartbeat_at": NOW - jobs.SILENCE / 2}, 0, 0),
        ({"status": "running", "heartbeat_at": NOW - jobs.SILENCE * 2}, 1, 0),
        ({"status": "running", "heartbeat_at": NOW - jobs.SILENCE * 2, "attempt": 3}, 0, 1),
        ({"heartbeat_at": NOW - jobs.RESEND_AFTER / 2}, 0, 0),
        ({"heartbeat_at": NOW - jobs.RESEND_AFTER * 2}, 1, 0),
        ({"created_at": NOW - jobs.LONGEST_WAIT * 2}, 0, 1),
        ({"status": "done", "heartbeat_at": NOW - jobs.LONGEST_WAIT * 2}, 0, 0),
        ({"status": "cancelled", "heartbeat_at": NOW - jobs.LONGEST_WAIT * 2}, 0, 0),
    ],
    ids=["alive", "silent", "hopeless", "waits", "lost", "waited", "done", "stopped"],
)
def test_job_is_revived_or_given_up(changes, revived, given_up):
    make_job()
    Job.objects.update(**({"created_at": NOW, "heartbeat_at": NOW} | changes))
    assert len(jobs.revive_silent_jobs(now=NOW)) == revived
    assert jobs.expire_hopeless_jobs(now=NOW) == given_up


def test_worker_that_comes_back_leaves_the_job_to_its_next_attempt():
    job = make_job()

    def sleep_while_another_takes_over(_, report):
        Job.objects.update(attempt=2, message="the other one")
        report(0.5, "back again")
        pytest.fail("went on")

    assert run(job, sleep_while_another_takes_over)
    assert (job.status, job.message) == ("running", "the other one")


def test_cancelled_job_stops_at_its_next_report():
    job = make_job()

    def work(_, report):
        assert cancel_job(pk=job.pk, now=NOW)
        report(0.5, "going on")
        pytest.fail("went on")

    assert run(job, work)
    assert (job.status, job.result, job.finished_at) == ("cancelled", None, NOW)


def test_waiting_job_that_was_cancelled_never_runs():
    job = make_job()
    assert cancel_job(pk=job.pk, now=NOW)
    assert not run(job, lambda *_: pytest.fail("ran"))


def test_ended_job_cannot_be_cancelled():
    job = make_job()
    run(job, lambda *_: {})
    assert not cancel_job(pk=job.pk, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_job_shows_that_it_lives_during_a_long_step(monkeypatch):
    monkeypatch.setattr(jobs, "HEARTBEAT_S", 0.01)
    job = make_job()
    Job.objects.update(heartbeat_at=NOW)
    seen = []

    def work(*_):
        started = Job.objects.get().heartbeat_at
        deadline = monotonic() + 240
        while Job.objects.get().heartbeat_at == started and monotonic() < deadline:
            sleep(0.01)
        seen.append(Job.objects.get().heartbeat_at > started)
        return {}

    run(job, work)
    assert seen == [True]


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({}, "Interrupted; it goes on where it was."),
        ({"only": "learning_curve"}, "Interrupted; it begins again."),
    ],
)
def test_interrupted_job_says_whether_it_begins_again(request_, said):
    job = make_job(Kind.TRAINING, **request_)
    Job.objects.update(status="running", attempt=1, heartbeat_at=NOW)
    assert jobs.revive_silent_jobs(now=NOW + 2 * jobs.SILENCE) == [job.pk]
    job.refresh_from_db()
    assert job.message == said
