"""Scoring service: a small WSGI process that keeps the active predictor in memory.

`manage.py serve_scoring` starts it. It answers `POST /score` with the result of
`ml.predict.rank_wordings`, `POST /search` with that of `ml.predict.find_by_meaning`, and
`GET /healthz`. With an int8 copy of the encoder it does not load torch and answers in less than a
second.
"""

import json
import logging
import os
from collections.abc import Callable, Iterable
from hmac import compare_digest
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ctaopt.settings.prod")
django.setup()

# Models and settings are available from here on.
from django.db import Error, close_old_connections  # noqa: E402

from ml import predict  # noqa: E402
from ml.scoring.context import FACTORS  # noqa: E402

logger = logging.getLogger(__name__)

TOKENS = [f"Bearer {token}".encode() for token in predict.accepted_tokens()]
MAX_BODY_BYTES = 1_000_000
# What may be asked beside the wordings, the control and their target.
OPTIONS: dict[str, type] = {"explained": bool, "suggested": int}
FIELDS: dict[str, type | tuple[type, ...]] = {
    "texts": list,
    "control": (str, type(None)),
    **OPTIONS,
    **dict.fromkeys(FACTORS, str),
}
SEARCH_FIELDS: dict[str, type | tuple[type, ...]] = {
    "texts": list,
    "sites": list,
    "without": (int, type(None)),
    "count": int,
}

Environ = dict[str, Any]
Answer = tuple[str, dict[str, Any]]


def application(
    environ: Environ, start_response: Callable[[str, list[tuple[str, str]]], Any]
) -> Iterable[bytes]:
    """Answer one request."""
    try:
        status, content = _answer(environ)
    except Error:
        logger.exception("the database did not answer")
        status, content = "503 Service Unavailable", {"detail": "the database does not answer"}
    finally:
        close_old_connections()
    body = json.dumps(content, ensure_ascii=False, allow_nan=False).encode()
    start_response(
        status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
    )
    return [body]


def _answer(environ: Environ) -> Answer:
    endpoint = environ["REQUEST_METHOD"], environ.get("PATH_INFO", "")
    if endpoint == ("GET", "/healthz"):
        return "200 OK", {"predictor": predict.active_number()}
    answer = ANSWERS.get(endpoint)
    if answer is None:
        return "404 Not Found", {"detail": "POST /score, POST /search or GET /healthz"}
    given = environ.get("HTTP_AUTHORIZATION", "").encode()
    if not any(compare_digest(given, token) for token in TOKENS):
        return "401 Unauthorized", {"detail": "the token of this installation is needed"}
    try:
        return "200 OK", answer(_question(environ))
    except ValueError as error:
        return "400 Bad Request", {"detail": str(error)}
    except predict.PredictorError as error:
        return "409 Conflict", {"detail": str(error)}


def _question(environ: Environ) -> dict[str, Any]:
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if not 0 < length <= MAX_BODY_BYTES:
        raise ValueError(f"body: needs 1 to {MAX_BODY_BYTES} bytes, not {length}")
    question = json.loads(environ["wsgi.input"].read(length))
    if not isinstance(question, dict) or "texts" not in question:
        raise ValueError("texts: needed")
    return question


def _check(question: dict[str, Any], fields: dict[str, type | tuple[type, ...]]) -> None:
    for name, value in question.items():
        if name not in fields or not isinstance(value, fields[name]):
            raise ValueError(f"{name}: unknown, or of the wrong kind")


def _rank(question: dict[str, Any]) -> dict[str, Any]:
    _check(question, FIELDS)
    request = predict.RankingRequest.from_fields(
        {"control": None, **question, "wordings": question["texts"]}
    )
    options = {name: question[name] for name in OPTIONS if name in question}
    return predict.rank_wordings(request, **options)


def _search(question: dict[str, Any]) -> dict[str, Any]:
    _check(question, SEARCH_FIELDS)
    if "sites" not in question:
        raise ValueError("sites: needed")
    return predict.find_by_meaning(predict.MeaningQuestion(**question))


ANSWERS: dict[tuple[str, str], Callable[[dict[str, Any]], dict[str, Any]]] = {
    ("POST", "/score"): _rank,
    ("POST", "/search"): _search,
}
