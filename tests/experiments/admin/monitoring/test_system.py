from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from experiments.models import EventIntake, Job, RollupCheck
from experiments.services.monitoring.heartbeats import Role, beat, stop
from experiments.services.monitoring.task_runs import record_run
from tests import factories

URL = reverse("admin:experiments_system")
INDEX = reverse("admin:index")
SILENT = "no sign of life since"


@pytest.fixture
def now(settings, db):
    """Now, in an installation whose tasks are a worker's."""
    settings.CELERY_TASK_ALWAYS_EAGER = False
    return timezone.now()


def signs(*roles, at):
    for role in roles:
        beat(role, "host-a:17", started=at, now=at)


def text(client, url, **headers):
    return " ".join(client.get(url, headers=headers).content.decode().split())


def test_banner_names_what_stands_still_and_how_to_start_it(admin_client, now):
    signs(Role.WORKER, Role.BEAT, at=now - timedelta(minutes=3))
    page = text(admin_client, INDEX)
    assert f"Worker: {SILENT}" in page
    assert "ramps, schedules, guardrails and roll-backs stand still" in page
    assert "<code>celery --app ctaopt.celery worker --beat --pool threads</code>" in page
    assert SILENT in text(admin_client, reverse("admin:experiments_cta_changelist"))
    signs(Role.WORKER, Role.BEAT, at=now)
    assert SILENT not in text(admin_client, INDEX)


def test_installation_that_never_had_a_worker_is_told(admin_client, now):
    assert "Worker: it has never been started." in text(admin_client, INDEX)


def test_banner_speaks_french(admin_client, now):
    signs(Role.WORKER, Role.BEAT, at=now - timedelta(minutes=3))
    # Django's client hands the header on under its WSGI name.
    page = admin_client.get(INDEX, HTTP_ACCEPT_LANGUAGE="fr").content.decode()
    assert "(worker)\u00a0: aucun signe de vie depuis le" in " ".join(page.split(" "))


def test_page_shows_processes_tasks_and_checks(admin_client, running_experiment, now):
    signs(Role.WORKER, Role.SCORING, at=now)
    stop(Role.SCORING, "host-a:17", now=now)
    name = "experiments.tasks.fold_rollups"
    record_run(name=name, seconds=1, error="OperationalError", now=now)
    RollupCheck.objects.create(experiment=running_experiment, checked_at=now, n_differing=3)
    page = text(admin_client, URL)
    for expected in (
        *("host-a:17", "manage.py serve_scoring", "not needed", "does not run"),
        *("<code>fold_rollups</code>", "failed</strong> OperationalError", "not run yet"),
        *("rollups are not what the events give", "overdue, or failed when last run"),
    ):
        assert expected in page, expected
    assert str(running_experiment) in page


@pytest.fixture
def rejected(site, other_site, now):
    """Half of the events of both sites are rejected: their clocks are wrong."""
    hour = now.replace(minute=0, second=0, microsecond=0)
    for one in (site, other_site):
        EventIntake.objects.create(site=one, hour=hour, taken=500, rejected_clock=500)


def test_rejected_events_are_told_with_the_cause(admin_client, rejected):
    for url in (INDEX, URL):
        page = text(admin_client, url)
        assert "shop: 50.0% of 1,000 events of the last hours were rejected." in page
        assert "Check the clocks of this server" in page


def test_viewer_sees_the_system_but_nothing_of_other_sites(viewer_client, rejected):
    for url in (INDEX, URL):
        page = text(viewer_client, url)
        assert "shop: 50.0%" in page
        assert "rival" not in page
        assert "it has never been started" in page


def test_person_without_a_role_sees_nothing_of_it(client, now):
    person = factories.make_member(factories.make_site("alone"), "viewer")
    person.memberships.all().delete()
    client.force_login(person)
    assert "it has never been started" not in text(client, INDEX)
    assert client.get(URL).status_code == 403


@pytest.mark.parametrize("role", ["", "worker"])
def test_pages_that_need_a_worker_say_when_none_runs(admin_client, now, role):
    if role:
        signs(Role.WORKER, at=now)
    job = Job.objects.create(kind="ranking", created_at=now, heartbeat_at=now, language="en")
    for url in (
        reverse("admin:experiments_job_rank"),
        reverse("admin:experiments_job_watch", args=[job.pk]),
    ):
        assert ("No worker is running" in text(admin_client, url)) is not bool(role)


NO_WORKER = {
    "en": ("No worker is running", "Trainings, imports of long files"),
    "fr": ("Aucun service d\u2019exécution ne tourne", "Les entraînements"),
}


@pytest.mark.parametrize("status", ["queued", "running"])
@pytest.mark.parametrize("language", list(NO_WORKER))
def test_page_of_a_training_says_when_its_worker_was_stopped(admin_client, now, language, status):
    job = Job.objects.create(
        kind="training", status=status, created_at=now, heartbeat_at=now, language=language
    )
    url = reverse("admin:experiments_job_watch", args=[job.pk])

    def page():
        return admin_client.get(url, HTTP_ACCEPT_LANGUAGE=language).content.decode()

    signs(Role.WORKER, at=now)
    assert NO_WORKER[language][0] not in page()
    stop(Role.WORKER, "host-a:17", now=now)
    for words in (*NO_WORKER[language], "celery --app ctaopt.celery worker"):
        assert words in page()


def test_training_that_is_started_without_a_worker_leads_to_a_page_that_says_so(admin_client, now):
    page = admin_client.post(reverse("admin:experiments_job_train"), follow=True)
    assert Job.objects.get().kind == "training"
    assert NO_WORKER["en"][0] in page.content.decode()


def test_done_job_waits_for_nobody(admin_client, now):
    job = Job.objects.create(
        kind="ranking", status="failed", created_at=now, heartbeat_at=now, language="en"
    )
    url = reverse("admin:experiments_job_watch", args=[job.pk])
    assert "No worker is running" not in text(admin_client, url)


def test_menu_leads_to_the_page(admin_client):
    assert f'href="{URL}"' in text(admin_client, INDEX)
