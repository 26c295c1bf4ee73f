"""Sizes of the shares of threads, as CTAOPT_THREADS sets them."""

import os
from collections.abc import Mapping

from django.core.exceptions import ImproperlyConfigured

# Threads, and requests that may wait for one of them, in each process of the web server.
DEFAULTS: Mapping[str, tuple[int, int]] = {
    # Events wait for a commit, most of them for the same one.
    "events": (8, 200),
    # /readyz and /metrics.
    "status": (2, 20),
    # Evaluations of the few visitors for whom the database has to be asked.
    "look_ups": (2, 50),
    # A password takes a tenth of a second of CPU time, and anybody may send one.
    "log_in": (1, 8),
    "api": (2, 20),
    "static": (2, 100),
    "pages": (4, 40),
}
# Method, beginning of the path, share: the first that fits.
PATHS = (
    ("POST", "/account/", "log_in"),
    ("POST", "/admin/login/", "log_in"),
    ("*", "/api/", "api"),
    ("*", "/static/", "static"),
    ("*", "/", "pages"),
)
# Shares whose requests are answered by the process of Django.
OF_DJANGO = ("log_in", "api", "static", "pages")


def from_environment() -> dict[str, tuple[int, int]]:
    """Return the sizes that CTAOPT_THREADS sets."""
    return thread_shares(os.environ.get("CTAOPT_THREADS", ""))


def thread_shares(text: str) -> dict[str, tuple[int, int]]:
    """Return the sizes: the defaults, and what the text sets, such as `events=16:400 pages=2`.

    Raises:
        ImproperlyConfigured: If it cannot be read, names no share, or gives one no thread.

    >>> thread_shares("pages=2")["pages"]
    (2, 40)
    """
    sizes = dict(DEFAULTS)
    for word in text.replace(",", " ").split():
        name, _, size = word.partition("=")
        if name not in sizes:
            known = ", ".join(sizes)
            raise ImproperlyConfigured(f"CTAOPT_THREADS: no share {name!r} (there are: {known}).")
        sizes[name] = _size(word, size, sizes[name][1])
    return sizes


def _size(word: str, size: str, waiting: int) -> tuple[int, int]:
    threads, _, queue = size.partition(":")
    numbers = (threads, queue or str(waiting))
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise ImproperlyConfigured(f"CTAOPT_THREADS: {word!r} is not NAME=THREADS[:WAITING].")
    if int(threads) < 1:
        raise ImproperlyConfigured(f"CTAOPT_THREADS: {word!r} leaves the share without a thread.")
    return int(numbers[0]), int(numbers[1])
