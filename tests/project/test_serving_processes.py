"""Processes of the web server: Django beside the front, and the sizes of their shares."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from django.core.exceptions import ImproperlyConfigured

from ctaopt.serving import django_child, granian_server, serve_django
from ctaopt.serving.django_child import DjangoChild
from ctaopt.serving.granian_server import LOAD_TIMEOUT_S
from ctaopt.settings.thread_shares import DEFAULTS, OF_DJANGO, PATHS, thread_shares

PROJECT = Path(__file__).resolve().parents[2]


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


# An application that writes its process's number, and whose second generation never loads.
SLOW = """
import os, pathlib, time
log = pathlib.Path(os.environ["LOADS"])
with log.open("a") as file:
    file.write(f"{os.getpid()}\\n")
if len(log.read_text().splitlines()) > 2:
    time.sleep(3600)
from ctaopt.graceful_restart import VARIABLE, drained
application = drained(lambda environ, start_response: [], os.environ[VARIABLE])
"""
SERVE = (
    "from ctaopt.serving.granian_server import server; from pathlib import Path;"
    "server('slow:application', uds=Path('socket'), interface='wsgi', workers=2).serve()"
)


@pytest.fixture
def slow_server(tmp_path):
    """A server of two workers that have loaded, and the file with the numbers of all workers."""
    (tmp_path / "slow.py").write_text(textwrap.dedent(SLOW))
    log = tmp_path / "loads"
    paths = os.pathsep.join((str(tmp_path), str(PROJECT)))
    environment = os.environ | {"LOADS": str(log), "PYTHONPATH": paths}
    with subprocess.Popen([sys.executable, "-c", SERVE], cwd=tmp_path, env=environment) as process:
        wait_for_lines(log, 2)
        yield process, log
        process.kill()


def wait_until_gone(pids, seconds=60):
    deadline = monotonic() + seconds
    while left := [pid for pid in pids if psutil.pid_exists(pid)]:
        assert monotonic() < deadline, left
        sleep(0.05)


def test_server_that_waits_for_a_new_worker_ends_when_it_is_asked(slow_server):
    process, log = slow_server
    process.send_signal(signal.SIGHUP)
    pids = wait_for_lines(log, 3)
    process.terminate()
    # Long before it would have given up the worker that does not load.
    assert process.wait(timeout=LOAD_TIMEOUT_S / 2) == 0
    wait_until_gone(pids)


def test_workers_end_with_a_server_that_was_killed(slow_server):
    process, log = slow_server
    process.kill()
    wait_until_gone(wait_for_lines(log, 2))


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
