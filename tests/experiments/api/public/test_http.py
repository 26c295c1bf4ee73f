import io

import pytest

from experiments.api.public.http import (
    RefusedError,
    Request,
    etag_of,
    has_etag,
    json_body,
    key_of,
    path_of,
)

pytestmark = pytest.mark.on_both_databases


def request(body=b"", **environ):
    values = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)} | environ
    return Request(method="POST", path="/", query="", environ=values)


@pytest.mark.parametrize(
    "environ",
    [{"CONTENT_LENGTH": ""}, {"CONTENT_LENGTH": "0"}, {"CONTENT_LENGTH": "", "wsgi.input": None}],
    ids=["no length", "length 0", "no stream"],
)
def test_body_is_empty_without_a_promise_of_bytes(environ):
    assert request(b"never read", **environ).body(max_bytes=100) == b""


def test_body_reads_no_byte_past_the_announced_length():
    stream = io.BytesIO(b"{}POST /next HTTP/1.1")
    sent = request(**{"CONTENT_LENGTH": "2", "wsgi.input": stream})
    assert (sent.body(max_bytes=100), stream.tell()) == (b"{}", 2)


def test_body_of_a_chunked_request_is_read_to_its_end():
    chunked = request(b"[1, 2]", CONTENT_LENGTH="", **{"wsgi.input_terminated": True})
    assert chunked.body(max_bytes=100) == b"[1, 2]"


@pytest.mark.parametrize(
    ("body", "environ"),
    [
        (b"x" * 11, {}),
        (b"", {"CONTENT_LENGTH": "9" * 5_000}),
        (b"x" * 11, {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}),
    ],
    ids=["announced", "absurdly announced", "chunked"],
)
def test_body_past_the_limit_is_refused(body, environ):
    with pytest.raises(RefusedError, match="larger than 10 bytes") as refused:
        request(body, **environ).body(max_bytes=10)
    assert refused.value.status == 413


@pytest.mark.parametrize("length", ["-1", "1e3", " 2", "²", "٣", "abc"])
def test_body_of_no_length_is_refused(length):
    with pytest.raises(RefusedError, match="Content-Length is not a number") as refused:
        request(b"{}", CONTENT_LENGTH=length).body(max_bytes=100)
    assert refused.value.status == 400


def test_body_cut_short_is_refused():
    with pytest.raises(RefusedError, match="ended after 2 of 10 bytes"):
        request(b"{}", CONTENT_LENGTH="10").body(max_bytes=100)


def test_body_of_a_client_that_went_away_is_refused():
    class Broken(io.BytesIO):
        def read(self, *_):
            raise OSError("connection reset")

    with pytest.raises(RefusedError, match="could not be read"):
        request(b"{}", **{"wsgi.input": Broken()}).body(max_bytes=100)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b'{"a": "\xff"}',
        b'"\\ud800"',
        b'"\xed\xa0\x80"',
        b"1e999",
        b"NaN",
        b"[" * 50_000,
        b'{"a":' * 10_000,
        b"{}{}",
        b"\xef\xbb\xbf{}",
    ],
    ids=lambda body: repr(body[:8]),
)
def test_json_body_refuses_what_is_not_json(body):
    with pytest.raises(RefusedError, match="it is not JSON") as refused:
        json_body(request(body), max_bytes=65_536)
    assert (refused.value.status, refused.value.code) == (400, "PARSE_ERROR")


@pytest.mark.parametrize(
    ("path", "decoded"),
    [("/a b", "/a b"), ("/\u00c3\u00a9", "/é"), ("/\u00ff", "/\ufffd"), ("/\u2603", "/?")],
    ids=["ascii", "utf-8", "not utf-8", "not latin-1"],
)
def test_path_is_decoded_whatever_the_server_hands_over(path, decoded):
    assert path_of({"PATH_INFO": path}) == decoded


@pytest.mark.parametrize(
    ("headers", "key"),
    [
        ({}, ""),
        ({"HTTP_AUTHORIZATION": "Bearer k"}, "k"),
        ({"HTTP_AUTHORIZATION": "bearer  k "}, "k"),
        ({"HTTP_AUTHORIZATION": "Bearer"}, ""),
        ({"HTTP_X_API_KEY": "k"}, "k"),
        ({"HTTP_AUTHORIZATION": "Basic abc", "HTTP_X_API_KEY": "k"}, "k"),
        ({"HTTP_AUTHORIZATION": "Bearer one", "HTTP_X_API_KEY": "two"}, "one"),
    ],
)
def test_key_is_read_from_either_header(headers, key):
    assert key_of(request(**headers)) == key


@pytest.mark.parametrize("header", ["{}", "W/{}", '"other", {}', '"other",W/{}'])
def test_etag_is_compared_weakly_with_each_tag(header):
    etag = etag_of(b"body")
    assert has_etag(request(HTTP_IF_NONE_MATCH=header.format(etag)), etag)
    assert not has_etag(request(HTTP_IF_NONE_MATCH=header.format('"else"')), etag)
