"""What an installation refuses to start with. Each start is a fresh process."""

import os
import subprocess
import sys

import pytest
from django.contrib.auth import authenticate
from django.core.exceptions import ImproperlyConfigured
from django.utils import translation

from ctaopt.settings.admin_menu import UNFOLD
from ctaopt.settings.folders import made_folder
from ctaopt.settings.log_in import checked_roles, providers
from ctaopt.settings.secret import DEMO_SECRET_KEY, checked_secret_key
from experiments.services.deployment.settings_checks import MOST_DAYS

GOOD_KEY = "k" * 50


@pytest.fixture
def start(pytestconfig, tmp_path):
    """Run a management command under the settings for real installations."""

    def run(*command, settings="ctaopt.settings.prod", **variables):
        environment = {"PATH": os.environ["PATH"], "CTAOPT_DATA_DIR": str(tmp_path / "data")}
        environment |= {"DJANGO_SETTINGS_MODULE": settings} | variables
        return subprocess.run(
            [sys.executable, "manage.py", *(command or ("check",))],
            cwd=pytestconfig.rootpath,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def assert_refused(result, sentence):
    """One sentence, no traceback, a status that scripts understand."""
    assert result.returncode == 1
    assert sentence in result.stderr
    assert len(result.stderr.splitlines()) == 1, result.stderr


def test_debug_is_refused_outside_the_demo(start):
    assert_refused(start(DEBUG="true"), "DEBUG is refused")


def test_published_secret_is_refused_outside_the_demo(start):
    assert_refused(start(SECRET_KEY=DEMO_SECRET_KEY), "SECRET_KEY is a published default")


def test_too_short_a_time_for_events_is_refused(start):
    assert_refused(start(CTAOPT_EVENT_DAYS="30"), "CTAOPT_EVENT_DAYS: 30 is less than 90")


def test_events_are_kept_for_25_months_unless_somebody_decides_otherwise(start):
    ask = "from django.conf import settings; print(settings.CTAOPT_EVENT_DAYS)"
    for variables, days in (({}, MOST_DAYS), ({"CTAOPT_EVENT_DAYS": "0"}, 0)):
        done = start("shell", "-v0", "-c", ask, settings="ctaopt.settings.demo", **variables)
        assert done.stdout.split()[-1] == str(days), done.stderr


def test_training_without_a_process_is_refused(start):
    assert_refused(start(CTAOPT_TRAINING_PROCESSES="0"), "CTAOPT_TRAINING_PROCESSES: 0 is not 1")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"CTAOPT_OIDC_SERVER_URL": "http://idp.example"}, "http://idp.example is not https"),
        ({"CTAOPT_OIDC_SERVER_URL": "https://idp.example"}, "needs CTAOPT_OIDC_CLIENT_ID"),
        ({"CTAOPT_OIDC_ROLES": "shop:king"}, "shop:king is not a site and one of viewer"),
        ({"CTAOPT_LOG_IN_DAYS": "0"}, "CTAOPT_LOG_IN_DAYS: 0 is not 1 or more"),
    ],
)
def test_log_in_that_would_not_work_or_not_be_safe_is_refused(start, variables, sentence):
    assert_refused(start(**variables), sentence)


def test_roles_of_single_sign_on_are_read_by_site():
    assert checked_roles(["shop:viewer", " rival:owner"]) == {"shop": "viewer", "rival": "owner"}


@pytest.mark.parametrize(
    ("server_url", "is_safe"),
    [
        ("https://idp.example/realms/a", True),
        ("http://localhost:8080", True),
        ("http://127.0.0.1", True),
        ("http://[::1]:9000/realms/a", True),
        ("http://localhost.idp.example", False),
        ("http://127.0.0.1.idp.example:80/", False),
        ("http://localhost:80@idp.example", False),
    ],
)
def test_only_a_provider_on_this_machine_is_asked_in_the_clear(server_url, is_safe):
    try:
        found = providers(server_url=server_url, client_id="c", secret="s", name="Company")
    except ImproperlyConfigured as error:
        found = str(error)
    assert (found == f"CTAOPT_OIDC_SERVER_URL: {server_url} is not https.") is not is_safe


@pytest.mark.parametrize("mode", ["0666", "384", "rw", "0601"])
def test_socket_that_lets_in_everybody_is_refused(start, mode):
    result = start(CTAOPT_SCORING_SOCKET_MODE=mode)
    assert_refused(result, f"CTAOPT_SCORING_SOCKET_MODE: {mode} is neither 0600 nor 0660")


def test_folder_that_cannot_be_written_is_named(start, tmp_path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / "data"
    assert_refused(start(CTAOPT_DATA_DIR=str(folder)), f"Cannot write to {folder}")


def test_installation_starts_with_a_secret_of_its_own(start, tmp_path):
    assert start("check", "--deploy", "--fail-level", "ERROR").returncode == 0
    secret = tmp_path / "data" / "secret_key"
    assert len(secret.read_text()) >= 32
    assert secret.stat().st_mode & 0o077 == 0


def test_worker_starts_with_the_settings_of_a_real_installation(pytestconfig, tmp_path):
    environment = {"PATH": os.environ["PATH"], "CTAOPT_DATA_DIR": str(tmp_path / "data")}
    report = subprocess.run(
        [sys.executable, "-m", "celery", "--app", "ctaopt.celery", "report"],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(tmp_path / "data" / "broker") in report.stdout
    assert 'Settings "ctaopt.settings.prod"' in report.stdout


def test_demo_refuses_to_run_with_other_settings(start):
    assert_refused(start("demo"), "settings of its own")


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (DEMO_SECRET_KEY, "published default"),
        ("django-insecure-" + GOOD_KEY, "published default"),
        ("k" * 31, "31 characters"),
    ],
)
def test_weak_secret_is_refused(tmp_path, key, message):
    with pytest.raises(ImproperlyConfigured, match=message):
        checked_secret_key(key, data_dir=tmp_path)


def test_secret_from_the_environment_is_taken(tmp_path):
    assert checked_secret_key(GOOD_KEY, data_dir=tmp_path) == GOOD_KEY
    assert list(tmp_path.iterdir()) == []


def test_kept_secret_stays_the_same(tmp_path):
    first = checked_secret_key("", data_dir=tmp_path)
    assert checked_secret_key("", data_dir=tmp_path) == first


def test_folder_is_made_with_its_parents(tmp_path):
    assert made_folder(tmp_path / "a" / "b").is_dir()


@pytest.mark.parametrize(
    ("backend", "opens"),
    [
        ("ctaopt.demo_login.DemoBackend", True),
        ("django.contrib.auth.backends.ModelBackend", False),
    ],
    ids=["demo", "elsewhere"],
)
def test_published_log_in_opens_the_demo_only(demo_site, settings, backend, opens):
    settings.AUTHENTICATION_BACKENDS = [backend]
    assert bool(authenticate(username="demo", password="demo")) is opens
    assert authenticate(username="demo", password="") is None


EDGE = """
import django
django.setup()
from experiments.api.public.router import Edge
from experiments.services.serving.snapshot_store import SnapshotStore
from tests.wsgi_client import WSGIClient

edge = WSGIClient(Edge(None, SnapshotStore(max_age_s=1.0)))
for method, path in [("GET", "/healthz"), ("GET", "/cta.js"), ("POST", "/ofrep/v1/evaluate/flags"),
                     ("OPTIONS", "/api/v1/events"), ("GET", "/api/features/none")]:
    answer = edge.request(method, path)
    print(path, answer.headers.get("strict-transport-security"))
"""


@pytest.mark.parametrize(("https", "said"), [("true", "max-age=31536000"), ("false", "None")])
def test_edge_tells_browsers_to_come_by_https(pytestconfig, tmp_path, https, said):
    environment = {"PATH": os.environ["PATH"], "CTAOPT_DATA_DIR": str(tmp_path / "data")}
    environment |= {"DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod", "CTAOPT_HTTPS": https}
    result = subprocess.run(
        [sys.executable, "-c", EDGE],
        cwd=pytestconfig.rootpath,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    lines = result.stdout.splitlines()
    assert len(lines) == 5
    assert {line.partition(" ")[2] for line in lines} == {said}


def test_check_of_a_deployment_has_nothing_to_say(start):
    result = start("check", "--deploy", "--fail-level", "WARNING", CTAOPT_HTTPS="true")
    assert result.returncode == 0, result.stderr
    assert "no issues" in result.stdout


def test_help_of_the_menu_is_in_the_language_of_the_person():
    (link,) = (
        item["link"]
        for part in UNFOLD["SIDEBAR"]["navigation"]
        for item in part["items"]
        if item["icon"] == "help"
    )
    found = {}
    for language in ("en", "fr"):
        with translation.override(language):
            found[language] = str(link)
    assert found == {"en": "/docs/", "fr": "/docs/accueil/"}
