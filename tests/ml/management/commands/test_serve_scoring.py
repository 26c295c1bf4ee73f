import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import psutil
import pytest
from django.core.management import CommandError

from ml import predict
from ml.application import scoring_client
from ml.management.commands.serve_scoring import clear_place, granian_options

pytestmark = pytest.mark.django_db
PROJECT = Path(__file__).resolve().parents[4]


def test_addresses_are_granians():
    assert granian_options("unix:/run/s.sock")[-5:-1] == [
        "--uds",
        "/run/s.sock",
        "--uds-permissions",
        "600",
    ]
    with pytest.raises(CommandError, match="neither unix:/path nor http://host:port"):
        granian_options("http://host")


def test_living_service_keeps_its_place(tmp_path):
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(f"{tmp_path}/s.sock")
        living.listen()
        with pytest.raises(CommandError, match="listens at"):
            clear_place(f"unix:{tmp_path}/s.sock")
    clear_place(f"unix:{tmp_path}/s.sock")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_service_of_its_own_answers_and_stops(tmp_path, settings):
    settings.CTAOPT_SCORING_URL = f"unix:{tmp_path}/s.sock"
    settings.SECRET_KEY = "k" * 40
    (tmp_path / "s.sock").touch()  # left behind by a process that was killed
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "ctaopt.settings.prod",
        "CTAOPT_DATA_DIR": str(tmp_path / "var"),
        "CTAOPT_SCORING_URL": settings.CTAOPT_SCORING_URL,
        "SECRET_KEY": settings.SECRET_KEY,
    }
    manage = [sys.executable, "manage.py"]
    subprocess.run([*manage, "migrate", "-v", "0"], cwd=PROJECT, env=environment, check=True)
    process = subprocess.Popen([*manage, "serve_scoring"], cwd=PROJECT, env=environment)
    try:
        deadline, found = monotonic() + 60, None
        asked = predict.RankingRequest(wordings=("Go",), control="Stop")
        while found is None and monotonic() < deadline:
            assert process.poll() is None
            found = predict.ask_scoring_service(asked)
            sleep(0.05)
        assert found["refusal"]["code"] == "no_predictor"
        assert psutil.Process(process.pid).environ()["OPENBLAS_NUM_THREADS"] == "1"
        with pytest.raises(scoring_client.ServiceSilentError, match="answered 401"):
            scoring_client.post_question(
                settings.CTAOPT_SCORING_URL, {"texts": []}, token="no", timeout_s=20
            )
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
