import gzip
import zlib

import brotli
import pytest

from experiments.api.public import content_coding
from experiments.api.public.content_coding import (
    FAST,
    IDENTITY,
    MIN_BYTES,
    SMALL,
    Representations,
    best_coding,
)
from experiments.api.public.http import Request

BODY = b"call to action " * 100


def representations(body=BODY, effort=FAST):
    return Representations(
        body,
        headers=(("Cache-Control", "public"),),
        of_whole=(("Content-Type", "text/plain"),),
        last=(("Access-Control-Allow-Origin", "*"),),
        effort=effort,
    )


def ask(kept, accepted=None, etag=None):
    environ = {"HTTP_ACCEPT_ENCODING": accepted, "HTTP_IF_NONE_MATCH": etag}
    given = {name: value for name, value in environ.items() if value is not None}
    answer = kept.answer(Request(method="GET", path="/", query="", environ=given))
    return answer, dict(answer.headers)


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br", "br"),
        ("BR", "br"),
        ("gzip", "gzip"),
        ("gzip, deflate", "gzip"),
        ("gzip;q=1.0, br;q=0.5", "gzip"),
        ("gzip;q=0.5,br;q=0.5", "br"),
        (" br ; q=0.001 ", "br"),
        ("br;q=0, gzip", "gzip"),
        ("*", "br"),
        ("br;q=0, *", "gzip"),
        ("*;q=0.5, gzip;q=0.1", "br"),
        ("", IDENTITY),
        ("identity", IDENTITY),
        ("deflate, zstd", IDENTITY),
        ("*;q=0", IDENTITY),
        ("gzip;q=0, br;q=0.0", IDENTITY),
        ("identity, gzip;q=0.5", IDENTITY),
        ("identity;q=0.5, gzip", "gzip"),
        ("gzip;q=much", IDENTITY),
        ("gzip;q=", IDENTITY),
        ("gzip;level=3", "gzip"),
        (";;,,=", IDENTITY),
    ],
)
def test_coding_is_the_one_that_the_client_likes_best(accepted, coding):
    assert best_coding(accepted) == coding


def test_client_that_names_no_coding_gets_the_body_as_it_is():
    answer, headers = ask(representations())
    assert (answer.status, answer.body) == (200, BODY)
    assert "Content-Encoding" not in headers
    assert headers["Vary"] == "Accept-Encoding"


@pytest.mark.parametrize("effort", [FAST, SMALL])
def test_gzip_is_smaller_and_gives_the_body_back(effort):
    answer, headers = ask(representations(effort=effort), "gzip")
    assert gzip.decompress(answer.body) == BODY
    assert len(answer.body) < len(BODY) / 5
    assert headers["Content-Encoding"] == "gzip"
    assert headers["Content-Length"] == str(len(answer.body))


@pytest.mark.parametrize("effort", [FAST, SMALL])
def test_brotli_gives_the_body_back(effort):
    answer, headers = ask(representations(effort=effort), "gzip, br")
    assert brotli.decompress(answer.body) == BODY
    assert headers["Content-Encoding"] == "br"


def test_each_coding_has_an_etag_of_its_own_and_304_repeats_it():
    kept = representations()
    etags = []
    for accepted in ("", "gzip"):
        _, headers = ask(kept, accepted)
        etags.append(headers["ETag"])
        answer, again = ask(kept, accepted, headers["ETag"])
        assert (answer.status, answer.body, again["ETag"]) == (304, b"", headers["ETag"])
        assert (again["Vary"], again["Cache-Control"]) == ("Accept-Encoding", "public")
        assert not {"Content-Encoding", "Content-Type", "Content-Length"} & again.keys()
    assert len(set(etags)) == 2
    # Who has the other coding's bytes has not got these.
    assert ask(kept, "gzip", etags[0])[0].status == 200
    assert ask(kept, "gzip", ", ".join(etags))[0].status == 304


def test_processes_give_the_same_bytes():
    first, second = (ask(representations(), "gzip")[0] for _ in range(2))
    assert first.body == second.body


def test_body_is_compressed_once_and_only_if_somebody_asks(monkeypatch):
    calls = []

    def counted(body, effort):
        calls.append(effort)
        return zlib.compress(body)

    monkeypatch.setattr(content_coding, "ENCODERS", {"gzip": counted})
    best_coding.cache_clear()
    kept = representations()
    ask(kept)
    assert calls == []
    first, second = (ask(kept, "gzip")[0] for _ in range(2))
    assert (calls, first is second) == ([FAST], True)
    best_coding.cache_clear()


def test_small_body_is_sent_as_it_is():
    answer, headers = ask(representations(b"x" * (MIN_BYTES - 1)), "gzip")
    assert len(answer.body) == MIN_BYTES - 1
    assert not {"Content-Encoding", "Vary"} & headers.keys()
