import contextlib
import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from django.core.management import CommandError

from ml import predict
from ml.application import scoring_client
from ml.management.commands.serve_scoring import clear_place, granian_options
from tests.databases import migrated_sqlite

pytestmark = pytest.mark.django_db
PROJECT = Path(__file__).resolve().parents[4]


def test_addresses_are_granians():
    assert granian_options("unix:/run/s.sock", application="here:app", mode="0660")[-5:] == [
        *("--uds", "/run/s.sock"),
        *("--uds-permissions", "0660"),
        "here:app",
    ]
    with pytest.raises(CommandError, match="neither unix:/path nor http://host:port"):
        granian_options("http://host", application="here:app")


def test_living_service_keeps_its_place(tmp_path):
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(f"{tmp_path}/s.sock")
        living.listen()
        with pytest.raises(CommandError, match="listens at"):
            clear_place(f"unix:{tmp_path}/s.sock")
    clear_place(f"unix:{tmp_path}/s.sock")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def start(tmp_path, settings):
    """Start the service in the tests' folder, with the given variables; it is ended afterwards."""
    settings.CTAOPT_SCORING_URL = f"unix:{tmp_path}/s.sock"
    settings.SECRET_KEY = "k" * 40
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "CTAOPT_DATA_DIR": str(tmp_path / "var"),
        "CTAOPT_SCORING_URL": settings.CTAOPT_SCORING_URL,
        "SECRET_KEY": settings.SECRET_KEY,
    }
    manage = [sys.executable, "manage.py"]
    started = []
    migrated_sqlite(tmp_path / "var" / "ctaopt.sqlite3")

    def run(**variables):
        whole = environment | variables
        process = subprocess.Popen([*manage, "serve_scoring"], cwd=PROJECT, env=whole)
        started.append(process)
        return process

    yield run
    for process in started:
        # Not killed: its worker would be left behind.
        process.terminate()
        process.wait(timeout=240)


def wait_until(is_true, process):
    deadline = monotonic() + 240
    while not is_true() and monotonic() < deadline:
        assert process.poll() is None
        sleep(0.05)
    assert is_true()


@pytest.mark.slow
def test_service_of_its_own_answers_and_stops(tmp_path, settings, start):
    (tmp_path / "s.sock").touch()  # left behind by a process that was killed
    process = start()
    found = []
    asked = predict.RankingRequest(wordings=("Go",), control="Stop")

    def is_answered():
        found.append(predict.ask_scoring_service(asked))
        return found[-1] is not None

    wait_until(is_answered, process)
    assert found[-1]["refusal"]["code"] == "no_predictor"
    search = {"texts": ["Go"], "sites": [1]}
    place, token = settings.CTAOPT_SCORING_URL, predict.token()
    told = scoring_client.post_question(place, search, token=token, timeout_s=20, path="/search")
    assert told == {"tests": None}
    assert psutil.Process(process.pid).environ()["OPENBLAS_NUM_THREADS"] == "1"
    with pytest.raises(scoring_client.ServiceSilentError, match="answered 401"):
        scoring_client.post_question(
            settings.CTAOPT_SCORING_URL, {"texts": []}, token="no", timeout_s=20
        )
    assert stat.S_IMODE((tmp_path / "s.sock").stat().st_mode) == 0o600
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=240) == 0


@pytest.mark.slow
def test_stop_while_the_worker_loads_is_not_forgotten(tmp_path, start):
    process = start()
    # The socket is there before the worker, which then loads for a second or more.
    wait_until((tmp_path / "s.sock").is_socket, process)
    wait_until(lambda: psutil.Process(process.pid).children(), process)
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=240)


STRANGER, MEMBER_OF = 64_001, 64_002


def may_connect(path, *, uid, gid):
    """Try it in a child that has given up root's rights."""
    child = os.fork()
    if child == 0:
        status = 1
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setgid(gid)
            os.setuid(uid)
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(str(path))
                status = 0
        os._exit(status)
    return os.waitpid(child, 0)[1] == 0


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
@pytest.mark.parametrize(("mode", "is_let_in"), [("0600", False), ("0660", True)])
def test_group_of_the_folder_is_let_in_where_the_mode_says_so(settings, start, mode, is_let_in):
    # Not pytest's own folder: only its owner may enter that.
    with tempfile.TemporaryDirectory(prefix="ctaopt-scoring-") as folder:
        os.chown(folder, 0, MEMBER_OF)
        Path(folder).chmod(0o2750)  # what is made there belongs to the folder's group
        path = Path(folder) / "s.sock"
        process = start(CTAOPT_SCORING_URL=f"unix:{path}", CTAOPT_SCORING_SOCKET_MODE=mode)
        # It listens once its worker has loaded.
        wait_until(lambda: may_connect(path, uid=0, gid=0), process)
        assert stat.S_IMODE(path.stat().st_mode) == int(mode, 8)
        assert may_connect(path, uid=STRANGER, gid=MEMBER_OF) is is_let_in
        Path(folder).chmod(0o2755)
        assert not may_connect(path, uid=STRANGER, gid=STRANGER)
