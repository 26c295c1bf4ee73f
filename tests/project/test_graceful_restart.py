import os
import subprocess
import sys
import threading

import pytest

from ctaopt import serve
from ctaopt.graceful_restart import VARIABLE, Generation, drained


@pytest.fixture
def generation(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")
    return Generation()


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"answer"]


def headers_of(application):
    sent = []
    body = application({}, lambda status, headers, *_: sent.extend(headers))
    assert list(body) == [b"answer"]
    return dict(sent)


def test_worker_keeps_connections_until_a_restart_begins(generation):
    worker = drained(app, os.environ[VARIABLE])
    assert headers_of(worker) == {"Content-Type": "text/plain"}
    generation.begin_next()
    assert headers_of(worker)["Connection"] == "close"


def test_workers_of_the_restart_keep_theirs(generation):
    old = drained(app, os.environ[VARIABLE])
    generation.begin_next()
    new = drained(app, os.environ[VARIABLE])
    assert ("Connection" in headers_of(old), "Connection" in headers_of(new)) == (True, False)
    generation.begin_next()
    assert "Connection" in headers_of(new)


def test_server_waits_until_a_worker_has_loaded(generation):
    before = generation.loaded()
    threading.Timer(0.1, drained, (app, os.environ[VARIABLE])).start()
    assert generation.wait_for_load(before, is_alive=lambda: True, timeout_s=20)
    assert generation.loaded() == before + 1


@pytest.mark.parametrize(("is_alive", "timeout_s"), [(False, 20), (True, 0)])
def test_server_waits_for_no_worker_that_cannot_load(generation, is_alive, timeout_s):
    before = generation.loaded()
    assert not generation.wait_for_load(before, is_alive=lambda: is_alive, timeout_s=timeout_s)


def test_word_goes_round_between_processes(generation):
    script = (
        "import os, sys; from ctaopt.graceful_restart import VARIABLE, drained\n"
        "worker = drained(lambda _, start: start('', []) or [], os.environ[VARIABLE])\n"
        "print(flush=True); sys.stdin.readline()\n"
        "worker({}, lambda status, headers: print(headers))"
    )
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as worker:
        worker.stdout.readline()
        generation.begin_next()
        assert worker.communicate(b"\n")[0] == b"[('Connection', 'close')]\n"


def test_help_of_the_server_names_its_options(capsys):
    with pytest.raises(SystemExit):
        serve.main(["--help"])
    assert "--overlap SECONDS" in capsys.readouterr().out
