"""Last use of keys, and last page with the snippet: noted by requests, written by a thread."""

import logging
import os
import threading
from datetime import UTC, datetime, timedelta
from time import time

from django.conf import settings
from django.db import Error, connection
from django.db.models import Q

from experiments.models import FormerClientKey, ServerKey, Site, SnippetSighting

logger = logging.getLogger(__name__)

# Characters of a page's path that are kept.
MOST_PATH = 200


class KeyUses:
    """Moments of the last use of keys, until they are written.

    A server key is named by its primary key, a former client key by its text. To note a use costs
    an entry of a dictionary: requests wait for no database. What a killed process had not written
    yet is lost, a minute of it at most.
    """

    def __init__(self, *, period_s: float) -> None:
        """Take the seconds between two writes; 0 writes only when `write` is called."""
        self._period_s = period_s
        self._moments: dict[int | str, float] = {}
        self._pages: dict[int, tuple[float, str]] = {}
        self._is_writing = False
        self._closed = threading.Event()
        os.register_at_fork(after_in_child=self._forget_thread)

    def note(self, key: int | str) -> None:
        self._moments[key] = time()
        self._start()

    def note_page(self, site_id: int, path: str) -> None:
        """Note that a page of this path, "" if unknown, has asked for the site's CTAs."""
        self._pages[site_id] = (time(), path)
        self._start()

    def _start(self) -> None:
        if not self._is_writing and self._period_s > 0:
            # Started late: a fork after the start would lose the thread. Two at once do no harm.
            self._is_writing = True
            threading.Thread(target=self._keep_writing, name="key uses", daemon=True).start()

    def write(self) -> None:
        """Store the moments; those of keys whose stored one is younger than a period are left."""
        noted, self._moments = self._moments, {}
        for key, seconds in noted.items():
            moment = datetime.fromtimestamp(seconds, UTC)
            # Other processes note the same key: together they write it once a period.
            is_due = Q(last_used_at=None) | Q(
                last_used_at__lte=moment - timedelta(seconds=self._period_s)
            )
            if isinstance(key, int):
                ServerKey.objects.filter(is_due, pk=key).update(last_used_at=moment)
            else:
                FormerClientKey.objects.filter(is_due, key=key).update(last_used_at=moment)
        self._write_pages()

    def _write_pages(self) -> None:
        noted, self._pages = self._pages, {}
        for site_id, (seconds, path) in noted.items():
            moment = datetime.fromtimestamp(seconds, UTC)
            # A page writes what it likes: what no database stores is left out.
            shown = path[:MOST_PATH] if path.isprintable() else ""
            seen = {"seen_at": moment, "path": shown}
            if not SnippetSighting.objects.filter(site=site_id).update(**seen):
                # A site that was deleted meanwhile has no row, and gets none.
                sites = Site.objects.filter(pk=site_id)
                rows = [SnippetSighting(site=site, **seen) for site in sites]
                SnippetSighting.objects.bulk_create(rows, ignore_conflicts=True)

    def close(self) -> None:
        """End the thread, if there is one."""
        self._closed.set()

    def _keep_writing(self) -> None:
        while not self._closed.wait(self._period_s):
            try:
                self.write()
            except Error as error:
                logger.warning("The last use of keys could not be stored: %s", error)
            finally:
                connection.close()  # The connection of this thread.

    def _forget_thread(self) -> None:
        self._is_writing = False


key_uses = KeyUses(period_s=settings.CTAOPT_KEY_USE_PERIOD_S)
