"""Weekly digest: what waits for a decision, what runs, and what was decided in the last week."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.auth.models import User
from django.urls import reverse
from django.utils.translation import gettext as _

from experiments.models import Experiment, Notice
from experiments.selectors import standings
from experiments.selectors.notices import VIEW
from experiments.selectors.permissions import sites_where
from experiments.services.notices.wording import absolute
from experiments.services.reporting.end_of_test import decision_in_words, names_of
from experiments.services.reporting.standings import standing_title

WEEK = timedelta(days=7)
# A digest is of a week that begins on Monday at this hour, UTC.
HOUR = 6
# Rows of each list.
MOST = 20
UNSEEN_AFTER = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One experiment of a digest, with its state in words."""

    pk: int
    name: str
    site: str
    text: str
    path: str

    @property
    def url(self) -> str:
        """Return the address of its report; empty while the service's own is not known."""
        return absolute(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One list of a digest."""

    title: str
    rows: tuple[Row, ...]


def write_digest(*, now: datetime) -> bool:
    """Write the digest of this week, once its hour has come; return False if it is written.

    A week in which no worker runs at that hour gets its digest later.
    """
    year, week, _day = (now - timedelta(hours=HOUR)).isocalendar()
    occurrence = f"{Notice.Kind.DIGEST}:{year}-W{week:02}"
    if Notice.objects.filter(occurrence=occurrence).exists():
        return False
    _notice, is_new = Notice.objects.get_or_create(
        occurrence=occurrence, defaults={"kind": Notice.Kind.DIGEST, "at": now}
    )
    return is_new


def parts_for(person: User, *, now: datetime) -> tuple[Part, ...]:
    """Return the lists of a person's digest, in the active language; none if nothing is there."""
    sites = sites_where(person, VIEW)
    before = now - UNSEEN_AFTER
    decided = standings.decided_experiments(sites=sites)
    waiting, running, decided_lately = standings.read_together(
        standings.experiments_to_decide(sites=sites, started_before=before)[:MOST],
        standings.experiments_that_run(sites=sites, started_before=before)[:MOST],
        decided.filter(decision__decided_at__gte=now - WEEK)[:MOST],
    )
    parts = (
        (_("Waits for a decision"), [_row(one, standing_title(one)) for one in waiting]),
        (_("Runs"), [_row(one, standing_title(one)) for one in running]),
        (
            _("Decided in the last seven days"),
            [_row(one, _decision(one)) for one in decided_lately],
        ),
    )
    return tuple(Part(title=title, rows=tuple(rows)) for title, rows in parts if rows)


def text_of(parts: Sequence[Part]) -> str:
    """Return a digest as plain text."""
    lines: list[str] = []
    for part in parts:
        lines += ["", part.title, ""]
        for row in part.rows:
            lines += [f"- {row.name} ({row.site}): {row.text}", *([f"  {row.url}"] * bool(row.url))]
    return "\n".join(lines).strip()


def _decision(experiment: Experiment) -> str:
    return decision_in_words(experiment.decision, names=names_of(experiment))


def _row(experiment: Experiment, text: str) -> Row:
    return Row(
        pk=experiment.pk,
        name=experiment.name,
        site=experiment.slot.site.name,
        text=text,
        path=reverse("admin:experiments_experiment_report", args=[experiment.pk]),
    )
