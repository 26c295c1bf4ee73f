import io
import json
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
from django.db import OperationalError

from ml import predict, scoring_service
from ml.application import scoring_client
from ml.management.commands.serve_scoring import clear_place, granian_options

pytestmark = pytest.mark.django_db
PROJECT = Path(__file__).resolve().parents[2]


def ask(question, *, method="POST", path="/score", token=None, length=None):
    """Call the service as its web server does; return status and content."""
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "CONTENT_LENGTH": str(len(body) if length is None else length),
        "HTTP_AUTHORIZATION": f"Bearer {predict.token() if token is None else token}",
        "wsgi.input": io.BytesIO(body),
    }
    told = []
    content = b"".join(scoring_service.application(environ, lambda *args: told.append(args)))
    return told[0][0][:3], json.loads(content)


def test_wordings_are_ranked(active):
    question = {"texts": ["free a", "plain b"], "control": "plain b", "locale": "en"}
    status, found = ask(question)
    assert status == "200"
    assert found == json.loads(
        json.dumps(
            predict.rank_wordings(
                predict.RankingRequest.from_fields(
                    {"wordings": ["free a", "plain b"], "control": "plain b", "locale": "en"}
                )
            )
        )
    )


def test_answer_loads_no_library_that_trains(active, settings):
    """In a fresh process: what other tests have loaded does not count."""
    code = (
        "import django, sys; django.setup(); from django.conf import settings;"
        "settings.CTAOPT_MODEL_DIR, settings.CTAOPT_ENCODER = sys.argv[1:3];"
        "from ml import registry, predict; from ml.models import PredictorVersion;"
        "manifest = {'fast_copy': {'is_equal': True}};"
        "version = PredictorVersion(number=1, artifact=sys.argv[3], manifest=manifest);"
        "registry.active_version = lambda: version;"
        "asked = predict.RankingRequest(wordings=('free a', 'plain b'));"
        "found = predict.rank_wordings(asked, explained=True, suggested=2);"
        "heavy = {'torch', 'sklearn', 'pandas', 'pyarrow', 'scipy.stats'};"
        "print(found['strategy'], sorted(heavy & set(sys.modules)))"
    )
    folder, encoder = str(settings.CTAOPT_MODEL_DIR), settings.CTAOPT_ENCODER
    command = [sys.executable, "-c", code, folder, encoder, active.artifact]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split(maxsplit=1) == [active.strategy, "[]\n"]


def test_without_a_predictor_there_is_an_answer_with_a_reason(model_dir):
    status, found = ask({"texts": ["Go"]})
    assert (status, found["predictor"], found["refusal"]["code"]) == ("200", None, "no_predictor")


def test_health_names_the_predictor(active):
    assert ask(b"", method="GET", path="/healthz") == ("200", {"predictor": active.number})


def test_damaged_predictor_is_a_sentence(active, damage):
    damage(active)
    status, found = ask({"texts": ["Go"]})
    assert status == "409"
    assert "cannot be used" in found["detail"]


@pytest.mark.parametrize("token", ["", "wrong", "é"])
def test_other_token_is_refused(token):
    assert ask({"texts": ["Go"]}, token=token)[0] == "401"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (b"", "body: needs 1 to"),
        (b"{", "Expecting property name"),
        (b"\xff\xff", "utf-8"),
        ([], "texts: needed"),
        ({}, "texts: needed"),
        ({"texts": "Go"}, "texts: unknown, or of the wrong kind"),
        ({"texts": [1]}, "must be at most 1000 strings"),
        ({"texts": ["Go"] * 1001}, "must be at most 1000 strings"),
        ({"texts": ["Go"], "locale": None}, "locale: unknown, or of the wrong kind"),
        ({"texts": ["Go"], "colour": "red"}, "colour: unknown"),
    ],
    ids=str,
)
def test_bad_question_is_named(question, message):
    status, found = ask(question)
    assert status == "400"
    assert message in found["detail"]


def test_body_that_is_too_long_is_not_read():
    assert ask(b"{}", length=scoring_service.MAX_BODY_BYTES + 1)[0] == "400"


def test_other_paths_are_not_there():
    assert ask({}, path="/admin")[0] == "404"
    assert ask({}, method="DELETE")[0] == "404"


def test_silent_database_gives_503(monkeypatch, caplog):
    def silent():
        raise OperationalError("gone")

    monkeypatch.setattr(predict, "active_number", silent)
    assert ask(b"", method="GET", path="/healthz")[0] == "503"
    assert "did not answer" in caplog.text


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
