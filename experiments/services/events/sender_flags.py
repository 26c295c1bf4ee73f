"""Flags for senders of events (bots, prefetches, internal traffic), from request headers.

Doubtful events are stored with a flag. Visitors are left out of the analysis only once all
their events are combined (`visitor_outcome`), so the flags alone never lose a visitor.
"""

import json
import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from pathlib import Path

from experiments.models import Event
from experiments.services.events.crawler_patterns import is_crawler
from experiments.services.serving.internal_traffic import InternalTraffic

# Crawlers are named within these characters; Google's for phones only after 120.
USER_AGENT_CHARACTERS = 300
KNOWN_USER_AGENTS = 10_000
# Programs that use this API on purpose (applications, servers, scripts). The list calls them
# crawlers, which they are when they fetch pages; a crawler that runs scripts is a browser.
LIBRARIES = re.compile(
    r"(?:aiohttp|apache-httpclient|axios|curl|dart|go-http-client|guzzlehttp|http\.rb|httpie|java|"
    r"libcurl|libwww-perl|node-fetch|okhttp|postmanruntime|python|python-httpx|python-requests|"
    r"python-urllib3?|reqwest|ruby|undici)(?:[/ ]|\Z)",
    re.IGNORECASE,
)
# By these the snippet stays quiet, without asking: sdk/src/visitor.js is built with the same file.
CRAWLER_WORDS = re.compile(
    json.loads(Path(__file__).with_name("crawler_words.json").read_text()), re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Headers of a page's request that identify its sender."""

    user_agent: str = ""
    purpose: str = ""
    address: str = ""


def flags_of(sender: Sender, internal: InternalTraffic) -> int:
    """Return the flags that all events of a page's request carry."""
    flags = 0
    if is_bot(sender.user_agent[:USER_AGENT_CHARACTERS]):
        flags |= Event.Flag.BOT
    if sender.purpose and is_prefetch(sender.purpose):
        flags |= Event.Flag.PREFETCH
    if internal.networks and _is_inside(sender.address, internal.networks):
        flags |= Event.Flag.INTERNAL
    return int(flags)


@lru_cache(maxsize=KNOWN_USER_AGENTS)
def is_bot(user_agent: str) -> bool:
    """Return True if the snippet's words or crawlerdetect's list match; empty is not flagged."""
    if LIBRARIES.match(user_agent):
        return False
    return CRAWLER_WORDS.search(user_agent) is not None or is_crawler(user_agent)


def is_prefetch(purpose: str) -> bool:
    """Return True if the page was requested before anybody views it.

    `Sec-Purpose: prefetch;prerender` is Chromium's; `Purpose: prefetch` and `preview` are older.
    """
    kind = purpose.partition(";")[0].strip().lower()
    return kind in {"prefetch", "prerender", "preview"}


def _is_inside(address: str, networks: tuple[IPv4Network | IPv6Network, ...]) -> bool:
    try:
        sender = ip_address(address)
    except ValueError:
        return False
    # An IPv4 client of a socket that takes both.
    mapped = getattr(sender, "ipv4_mapped", None)
    return any((mapped or sender) in network for network in networks)
