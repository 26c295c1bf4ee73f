"""Processes of the web server: Django beside the front, and the sizes of their shares."""

import os
import resource
import subprocess
import sys

import pytest
from django.core.exceptions import ImproperlyConfigured

from ctaopt.serving import django_child, granian_server, serve_django
from ctaopt.serving.django_child import DjangoChild
from ctaopt.settings.thread_shares import DEFAULTS, OF_DJANGO, PATHS, thread_shares


def test_every_path_has_a_share():
    assert {share for _, _, share in PATHS} == set(OF_DJANGO) <= set(DEFAULTS)
    assert PATHS[-1][:2] == ("*", "/")


@pytest.mark.parametrize(
    ("text", "changed"),
    [
        ("", {}),
        ("pages=2", {"pages": (2, DEFAULTS["pages"][1])}),
        ("events=16:400, log_in=2:0", {"events": (16, 400), "log_in": (2, 0)}),
    ],
)
def test_setting_changes_the_shares_that_it_names(text, changed):
    assert thread_shares(text) == {**DEFAULTS, **changed}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("page=2", "no share 'page'"),
        ("pages", "not NAME=THREADS"),
        ("pages=x", "not NAME=THREADS"),
        ("pages=2:x", "not NAME=THREADS"),
        ("pages=-1", "not NAME=THREADS"),
        ("pages=0", "without a thread"),
    ],
)
def test_unusable_sizes_are_refused(text, reason):
    with pytest.raises(ImproperlyConfigured, match=reason):
        thread_shares(text)


@pytest.fixture
def child(tmp_path, monkeypatch):
    monkeypatch.setattr(django_child, "PAUSE_S", 0.01)
    child = DjangoChild(tmp_path / "socket", workers=1, fronts=2, overlap_s=1.0)
    yield child
    child.stop()


def started_by(child, tmp_path, script):
    """Start a stand-in, which writes its number and goes on with the script."""
    log = tmp_path / "pids"
    text = f"import os, time; open({str(log)!r}, 'a').write(f'{{os.getpid()}}\\n'); {script}"
    child._command = [sys.executable, "-c", text]
    child.start()
    return log


def wait_for_lines(log, n):
    while not log.exists() or len(log.read_text().splitlines()) < n:
        pass
    return [int(line) for line in log.read_text().splitlines()]


def test_child_has_a_thread_for_everything_that_the_fronts_may_ask(child):
    threads = child._command[child._command.index("--threads") + 1]
    assert int(threads) == 2 * sum(DEFAULTS[name][0] for name in OF_DJANGO)


def test_child_that_ends_is_started_again_on_a_fresh_socket(child, tmp_path):
    child._socket.touch()
    log = started_by(child, tmp_path, "time.sleep(0)")
    assert len(set(wait_for_lines(log, 2)[:2])) == 2
    assert not child._socket.exists()


def test_child_that_is_stopped_stays_away(child, tmp_path):
    log = started_by(child, tmp_path, "time.sleep(60)")
    (pid,) = wait_for_lines(log, 1)
    child.stop()
    assert child._process.returncode is not None
    assert not os.path.exists(f"/proc/{pid}")  # noqa: PTH110
    child._spawn()
    assert wait_for_lines(log, 1) == [pid]


def test_django_ends_with_a_server_that_was_killed(tmp_path):
    script = (
        "import subprocess, sys; one = subprocess.Popen([sys.executable, '-c', "
        "'import os; from ctaopt.serving import serve_django as s; p = os.getppid();"
        " print(os.getpid(), flush=True);"
        " s._end_with(p)'], stdout=subprocess.PIPE);"
        "print(one.stdout.readline().decode(), flush=True); import os; os._exit(0)"
    )
    command = [sys.executable, "-c", script]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    pid = int(result.stdout)
    while os.path.exists(f"/proc/{pid}"):  # noqa: PTH110
        pass


@pytest.mark.parametrize(
    ("limits", "raised", "connections"),
    [
        ((1_024, 65_536), (8_448, 65_536), 8_192),
        ((1_024, 4_096), (4_096, 4_096), 3_840),
        ((1_024, resource.RLIM_INFINITY), (8_448, resource.RLIM_INFINITY), 8_192),
        ((65_536, 65_536), None, 8_192),
        ((300, 300), (300, 300), 256),
    ],
)
def test_worker_holds_as_many_connections_as_files_allow(monkeypatch, limits, raised, connections):
    asked = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, values: asked.append(values))
    assert granian_server.connections() == connections
    assert asked == ([] if raised is None else [raised])


def test_django_process_takes_the_fronts_word_for_the_connection():
    script = (
        "from ctaopt.serving.django_process import behind_front\n"
        "environ = {'HTTP_X_CTAOPT_ADDRESS': '192.0.2.7', 'HTTP_X_CTAOPT_SCHEME': 'https',"
        " 'REMOTE_ADDR': '', 'wsgi.url_scheme': 'http'}\n"
        "behind_front(lambda environ, start: [])(environ, None)\n"
        "print(sorted(environ.items()))"
    )
    environment = os.environ | {"DJANGO_SETTINGS_MODULE": "ctaopt.settings.test"}
    result = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == ("[('REMOTE_ADDR', '192.0.2.7'), ('wsgi.url_scheme', 'https')]")


def test_help_of_the_server_of_django(capsys):
    with pytest.raises(SystemExit):
        serve_django.main(["--help"])
    assert "--threads" in capsys.readouterr().out
