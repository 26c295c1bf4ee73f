import pytest

from experiments.api.front.scope_request import ScopeRequest, address_of, announced_bytes
from experiments.api.public.http import RefusedError, key_of
from tests.experiments.api.front.rsgi import scope


def test_request_has_what_the_handlers_ask_for():
    one = scope("POST", "/path", {"Authorization": "Bearer k"}, query_string="a=1", scheme="https")
    request = ScopeRequest(one, b"{}")
    assert (request.method, request.path, request.query) == ("POST", "/path", "a=1")
    assert (key_of(request), request.header("x-api-key")) == ("k", "")
    assert (request.scheme, request.address) == ("https", "192.0.2.7")
    assert request.body(max_bytes=2) == request.body(max_bytes=2) == b"{}"


@pytest.mark.parametrize(
    ("client", "address"),
    [("192.0.2.7:80", "192.0.2.7"), ("[2001:db8::1]:80", "2001:db8::1"), ("unix:", ""), ("", "")],
)
def test_address_is_the_clients(client, address):
    assert address_of(scope(client=client)) == address


@pytest.mark.parametrize(
    ("headers", "length"),
    [({}, 0), ({"Content-Length": "12"}, 12), ({"Transfer-Encoding": "chunked"}, None)],
)
def test_length_is_as_announced(headers, length):
    assert announced_bytes(scope(headers=headers)) == length


@pytest.mark.parametrize("text", ["-1", "x", "²", "1 2"])
def test_length_that_is_no_number_is_refused(text):
    with pytest.raises(RefusedError, match="not a number"):
        announced_bytes(scope(headers={"Content-Length": text}))


@pytest.mark.parametrize(
    ("headers", "status"),
    [({"Content-Encoding": "gzip"}, 415), ({"Content-Length": "9"}, 400), ({}, 413)],
)
def test_body_is_checked_as_ever(headers, status):
    with pytest.raises(RefusedError) as refused:
        ScopeRequest(scope(headers=headers), b"12345").body(max_bytes=4 if status == 413 else 9)
    assert refused.value.status == status
