import socket
from datetime import UTC, datetime

import pytest
from django.utils import translation
from standardwebhooks.webhooks import Webhook as Verifier

from experiments.services.notices import webhook_calls
from experiments.services.notices.webhook_calls import (
    REASONS,
    Message,
    WebhookError,
    WebhookGoneError,
    call_webhook,
    checked_address,
    reason_in_words,
)

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"  # noqa: S105  the standard's example


def message(body='{"a": "é"}'):
    return Message(body=body, message_id="msg-1", secret=SECRET)


def call(url):
    return call_webhook(url, message(), now=datetime.now(tz=UTC))


def reason(url):
    with pytest.raises(WebhookError) as caught:
        call(url)
    return str(caught.value)


def test_message_arrives_signed(receiver):
    assert call(receiver.url("/hook?channel=1")) == 200
    ((path, headers, body),) = receiver.came
    assert path == "/hook?channel=1"
    assert Verifier(SECRET).verify(body, headers) == {"a": "é"}
    assert headers["Host"] == f"127.0.0.1:{receiver.port}"
    assert {name.lower(): value for name, value in headers.items()}["webhook-id"] == "msg-1"


@pytest.mark.parametrize("status", [500, 404, 302, 307, 304])
def test_other_answers_are_errors_and_no_redirect_is_followed(receiver, status):
    receiver.answers = [status]
    assert reason(receiver.url()) == f"status:{status}"
    assert [path for path, *_ in receiver.came] == ["/hook"]


def test_receiver_that_has_gone_says_so(receiver):
    receiver.answers = [410]
    with pytest.raises(WebhookGoneError):
        call(receiver.url())


@pytest.mark.parametrize("how", ["hang", "trickle"])
def test_slow_answer_is_cut_off(receiver, monkeypatch, how):
    monkeypatch.setattr(webhook_calls, "DEADLINE_S", 0.3)
    receiver.answers = [how]
    assert reason(receiver.url()) == "timeout:"


def test_nobody_listening_is_an_error():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    assert reason(f"http://127.0.0.1:{port}/").startswith("connection:")


def test_server_without_encryption_is_an_error(receiver):
    assert reason(receiver.url().replace("http:", "https:")).startswith("tls:")


@pytest.fixture
def strict(settings):
    """An installation as it is in earnest."""
    settings.CTAOPT_DEMO = False


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.org/hook", "https"),
        ("ftp://example.org/", "https"),
        ("https:///hook", "https"),
        ("https://example.org:0/", "https"),
        ("javascript:alert(1)", "https"),
        ("", "https"),
        ("https://example.org:port/", "address"),
        ("https://[::1/", "address"),
        ("https://me:secret@example.org/", "address"),
        ("https://example.org/a b", "address"),
        ("https://example.org/\r\nX-Header: 1", "address"),
        ("https://exämple.org/", "address"),
    ],
)
def test_what_is_no_public_address_is_refused(strict, url, code):
    with pytest.raises(WebhookError) as caught:
        checked_address(url)
    assert str(caught.value) == f"{code}:"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.0.1", "0.0.0.1", "::1", "fe80::1",
     "::ffff:127.0.0.1", "100.64.0.1", "224.0.0.1", "fd00::1"],
)  # fmt: skip
def test_names_that_lead_to_a_private_network_are_refused(strict, monkeypatch, address):
    found = [(0, 0, 0, "", ("93.184.215.14", 443)), (0, 0, 0, "", (address, 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    assert reason("https://hook.example.org/") == "private:"


def test_private_network_may_be_allowed(strict, settings, receiver):
    assert reason(receiver.url().replace("http:", "https:")) == "private:"
    settings.CTAOPT_PRIVATE_WEBHOOKS = True
    assert call(receiver.url()) == 200


def test_address_that_was_checked_is_the_one_that_is_called(receiver, monkeypatch):
    real, asked = socket.getaddrinfo, []

    def resolve(host, *arguments, **options):
        asked.append(host)
        # The name leads here when it is checked; nobody must ask where it leads after that.
        return real("127.0.0.1" if host == "hook.example.org" else host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert call(receiver.url(host="hook.example.org")) == 200
    assert asked == ["hook.example.org", "127.0.0.1"]
    ((_, headers, _),) = receiver.came
    assert headers["Host"] == f"hook.example.org:{receiver.port}"


@pytest.mark.parametrize("code", [*REASONS])
def test_reasons_are_kept_as_codes_and_read_in_every_language(code):
    english = reason_in_words(f"{code}:503")
    with translation.override("fr"):
        french = reason_in_words(f"{code}:503")
    assert english != french
    assert ("503" in english) == ("503" in french)
    assert reason_in_words("who knows") == "who knows"
