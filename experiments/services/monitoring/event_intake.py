"""Share of the events that a website sends and the service rejects, by the reason.

Counted in memory by each web process and added to the hour's row every half minute, from a thread:
no request waits for it.
"""

import logging
import threading
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.util import Finalize
from time import sleep
from typing import Any

from django.conf import settings
from django.db import Error, connection
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from experiments.models import EventIntake, Site
from experiments.selectors import monitoring

logger = logging.getLogger(__name__)

KEPT_FOR = timedelta(days=7)
# An alarm needs so many events in so many hours, and this share of them.
LEAST_EVENTS = 100
ALARM_SHARE = 0.05
HOURS = 3

TAKEN, CLOCK, UNKNOWN, SCHEMA = "taken", "clock", "unknown", "schema"
COLUMNS = {
    TAKEN: "taken",
    CLOCK: "rejected_clock",
    UNKNOWN: "rejected_unknown",
    SCHEMA: "rejected_schema",
}
# Beginnings of the reasons of `events.ingestion`; all others are faults of the message.
KINDS = (
    (("at: ", "id: its time"), CLOCK),
    (("slot: ", "variant: ", "experiment: "), UNKNOWN),
)
ADVICE: dict[str, Any] = {
    CLOCK: _(
        "Their times lie in the future or too far in the past. Check the clocks of this server "
        "and of the website's servers, and send sent_at with each batch."
    ),
    UNKNOWN: _(
        "They name slots, experiments or variants that are not there. "
        "Check what the website sends, and which key it uses."
    ),
    SCHEMA: _("They do not have the form of an event. Check the website's own code."),
}


def kind_of(reason: str) -> str:
    """Return the kind of a reason for rejecting an event.

    >>> kind_of("at: lies in the future")
    'clock'
    >>> kind_of("variant: unknown variant 'x'")
    'unknown'
    """
    for beginnings, kind in KINDS:
        if reason.startswith(beginnings):
            return kind
    return SCHEMA


class IntakeCounter:
    """Counts of one process that are not in the database yet."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, *, site: str, taken: int, rejected: Iterable[str]) -> None:
        """Count a batch: events that were taken, and kinds of those that were not."""
        with self._lock:
            self._counts[site, TAKEN] += taken
            for kind in rejected:
                self._counts[site, kind] += 1
            self._start_thread()

    def write_the_rest(self) -> None:
        """Write what is left when the process ends, if it writes by itself."""
        if self._thread is not None and self._counts:
            self.write(now=timezone.now())

    def write(self, *, now: datetime) -> None:
        """Add the counts to the rows of this hour; those that cannot be written stay here."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        try:
            _add(counts, now)
        except Error as error:
            logger.warning("the intake of events was not recorded: %s", error)
            with self._lock:
                self._counts.update(counts)

    def _start_thread(self) -> None:
        interval_s = settings.CTAOPT_INTAKE_INTERVAL_S
        if interval_s > 0 and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(
                target=self._keep_writing, args=(interval_s,), name="intake", daemon=True
            )
            self._thread.start()
            # Not `atexit`: the server's workers are forks, which end without it.
            Finalize(None, self.write_the_rest, exitpriority=10)

    def _keep_writing(self, interval_s: float) -> None:
        while True:
            sleep(interval_s)
            if self._counts:
                self.write(now=timezone.now())
                connection.close()


COUNTER = IntakeCounter()


def _add(counts: Counter[tuple[str, str]], now: datetime) -> None:
    hour = now.replace(minute=0, second=0, microsecond=0)
    keys = {site for site, _ in counts}
    for site in Site.objects.filter(key__in=keys):
        row, is_new = EventIntake.objects.get_or_create(site=site, hour=hour)
        more = {
            column: F(column) + counts[site.key, kind]
            for kind, column in COLUMNS.items()
            if counts[site.key, kind]
        }
        EventIntake.objects.filter(pk=row.pk).update(**more)
        if is_new:
            EventIntake.objects.filter(hour__lt=now - KEPT_FOR).delete()


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedShare:
    """Events of a site in the last hours that were rejected."""

    site_id: int
    site: str
    n_events: int
    n_rejected: int
    most_frequent: str

    @property
    def share(self) -> float:
        return self.n_rejected / self.n_events

    @property
    def is_alarming(self) -> bool:
        return self.n_events >= LEAST_EVENTS and self.share > ALARM_SHARE

    @property
    def advice(self) -> Any:
        return ADVICE[self.most_frequent]


def rejected_shares(*, now: datetime) -> list[RejectedShare]:
    """Return the sites with rejected events in this hour and the two before, the worst first."""
    since = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=HOURS - 1)
    shares = []
    for row in monitoring.intake_since(since):
        rejected = {kind: row[f"n_{kind}"] for kind in (CLOCK, UNKNOWN, SCHEMA)}
        n_rejected = sum(rejected.values())
        if n_rejected:
            shares.append(
                RejectedShare(
                    site_id=row["site"],
                    site=row["site__key"],
                    n_events=row["n_taken"] + n_rejected,
                    n_rejected=n_rejected,
                    most_frequent=max(rejected, key=lambda kind: rejected[kind]),
                )
            )
    return sorted(shares, key=lambda one: -one.share)
