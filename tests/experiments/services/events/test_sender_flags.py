from pathlib import Path

import pytest
from django.conf import settings

from experiments.models import Event
from experiments.services.events.sender_flags import (
    CRAWLER_WORDS,
    USER_AGENT_CHARACTERS,
    Sender,
    flags_of,
    is_bot,
    is_prefetch,
)
from experiments.services.serving.internal_traffic import internal_traffic

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Chrome/156.0.0.0 Safari/537.36"
)
NOBODY = internal_traffic(networks=[], visitors=[])


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2)",
        "facebookexternalhit/1.1",
        CHROME.replace("Chrome", "HeadlessChrome"),
    ],
)
def test_crawler_is_a_bot(user_agent):
    assert is_bot(user_agent)


@pytest.mark.parametrize(
    "user_agent",
    [
        CHROME,
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
        "Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
        "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "",
        # Programs that speak the interface on purpose.
        "curl/7.88.1",
        "python-requests/2.32.3",
        "Python-urllib/3.11",
        "okhttp/4.12.0",
        "Go-http-client/1.1",
    ],
)
def test_browser_or_library_is_no_bot(user_agent):
    assert not is_bot(user_agent)


def test_snippet_and_service_leave_out_the_same_words():
    script = (Path(settings.BASE_DIR) / "sdk" / "dist" / "cta.js").read_text()
    words = CRAWLER_WORDS.pattern
    assert f"/{words}/i" in script
    assert not is_bot(CHROME.replace("Linux", "Linux; Android 14; CUBOT X70"))
    for word in words.replace("(^|[^u])", "").split("|"):
        assert is_bot(f"Mozilla/5.0 (compatible; Some{word.title()}/2.1)"), word


def test_bot_that_begins_like_a_library_is_still_a_bot():
    assert is_bot("curlbot/1.0 (+https://bot.example/crawler)")


def test_of_a_long_user_agent_only_the_beginning_is_read():
    # The list's patterns take two seconds for 5,000 characters; one request would hold a thread.
    name = "Googlebot/2.1 "
    beyond = "x" * USER_AGENT_CHARACTERS + name
    assert flags_of(Sender(user_agent=name + beyond), NOBODY) == Event.Flag.BOT
    assert flags_of(Sender(user_agent=beyond), NOBODY) == 0


@pytest.mark.parametrize(
    ("purpose", "expected"),
    [
        ("prefetch", True),
        ("prefetch;prerender", True),
        ("Prefetch; anonymous-client-ip", True),
        ("preview", True),
        ("navigate", False),
        ("", False),
    ],
)
def test_purpose_tells_a_prefetch(purpose, expected):
    assert is_prefetch(purpose) is expected


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.77", Event.Flag.INTERNAL),
        ("::ffff:192.0.2.77", Event.Flag.INTERNAL),
        ("2001:db8::1", Event.Flag.INTERNAL),
        ("198.51.100.1", 0),
        ("2001:db9::1", 0),
        ("", 0),
        ("unix:", 0),
    ],
)
def test_address_inside_a_network_is_internal(address, expected):
    own = internal_traffic(networks=["192.0.2.0/24", "2001:db8::/32"], visitors=[])
    assert flags_of(Sender(address=address), own) == expected


def test_flags_add_up():
    sender = Sender(user_agent="Googlebot/2.1", purpose="prefetch", address="192.0.2.1")
    own = internal_traffic(networks=["192.0.2.0/24"], visitors=[])
    assert flags_of(sender, own) == 7
    assert flags_of(Sender(user_agent=CHROME), own) == 0
