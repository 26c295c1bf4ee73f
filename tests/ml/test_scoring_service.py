import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError

from ml import predict, scoring_service
from ml.history.archived_test import ArchivedTest

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


def test_past_tests_are_found_by_meaning(active):
    archive = [ArchivedTest(test=7, site=1, texts=("free a", "plain b"))]
    predict.update_meaning_index("v1", lambda: archive)
    asked = {"texts": ["plain b"], "sites": [1], "without": None, "count": 3}
    status, found = ask(asked, path="/search")
    assert (status, found["tests"][0]["test"], found["tests"][0]["text"]) == ("200", 7, "plain b")
    assert ask(asked | {"sites": [2]}, path="/search") == ("200", {"tests": []})


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"texts": ["Go"]}, "sites: needed"),
        ({"texts": ["Go"], "sites": "1"}, "sites: unknown, or of the wrong kind"),
        ({"texts": [], "sites": [1]}, "texts: must be 1 to 20 strings"),
        ({"texts": ["Go"], "sites": [1], "control": "Go"}, "control: unknown"),
    ],
    ids=str,
)
def test_bad_search_is_named(question, message):
    status, found = ask(question, path="/search")
    assert status == "400"
    assert message in found["detail"]


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


def test_web_process_of_before_a_rotation_is_answered(settings, monkeypatch):
    asks_with = predict.token()
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "n" * 40, [settings.SECRET_KEY]
    tokens = [f"Bearer {token}".encode() for token in predict.accepted_tokens()]
    monkeypatch.setattr(scoring_service, "TOKENS", tokens)
    assert ask({}, token=asks_with)[0] == "400"
    assert ask({}, token=predict.token())[0] == "400"
    assert ask({}, token="f" * 64)[0] == "401"
