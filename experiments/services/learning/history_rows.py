"""History rows for the predictor: the archive of past tests and the finished experiments."""

import hashlib
from collections.abc import Iterator
from dataclasses import fields

from django.db.models import QuerySet

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Experiment, Site, Variant
from experiments.selectors import history, reports
from experiments.services.analysis.sample_ratio import split_check
from experiments.services.catalogue.cta_content import cta_values, localised
from ml.history.row import HistoryRow

COLUMNS = tuple(field.name for field in fields(HistoryRow))
CHUNK = 1_000


def history_rows(*, sites: QuerySet[Site] | None = None) -> Iterator[HistoryRow]:
    """Yield what the predictor learns from: the archive, then this service's own experiments.

    Those of some sites if these are given, otherwise of the sites that may teach others.
    """
    sites = history.teaching_sites() if sites is None else sites
    for arm in history.history_arms(sites=sites).iterator(chunk_size=CHUNK):
        yield HistoryRow(**{name: getattr(arm, name) for name in COLUMNS})
    for experiment in reports.finished_experiments(sites=sites):
        yield from experiment_rows(experiment)


def experiment_rows(experiment: Experiment) -> Iterator[HistoryRow]:
    """Yield a finished experiment as history rows, one an arm.

    Arms that differ in more than their wording get different contexts: only wordings are
    compared. An experiment whose traffic split is in doubt is marked as suspect.
    """
    counts = _counts(experiment)
    arms = list(experiment.variants.all())
    split = split_check(experiment, arms, experiment.rollups.all())
    for arm in arms:
        if not arm.cta.wordings.all():
            continue  # Without a wording there is nothing to learn from.
        visitors, clicks = counts[arm.pk]
        yield _experiment_row(
            experiment, arm, visitors=visitors, clicks=clicks, suspect=split.is_mismatch
        )


def _experiment_row(
    experiment: Experiment, arm: Variant, *, visitors: int, clicks: int, suspect: bool
) -> HistoryRow:
    site = experiment.slot.site
    value = localised(cta_values(arm.cta), site.default_locale, "en")
    look = repr((experiment.slot.key, value["form"], value["href"], value["style"]))
    stopped_at = experiment.stopped_at
    return HistoryRow(
        test=f"{site.key}:{experiment.key}",
        context=hashlib.sha256(look.encode()).hexdigest()[:16],
        text=value["text"],
        visitors=visitors,
        clicks=clicks,
        audience=experiment.audience.key if experiment.audience else "",
        locale=value["locale"],
        form=value["form"],
        placement=experiment.slot.position,
        ended_on=calendar_day(stopped_at, experiment.zone_of_days) if stopped_at else None,
        suspect=suspect,
    )


def _counts(experiment: Experiment) -> dict[int, tuple[int, int]]:
    counts = {arm.pk: (0, 0) for arm in experiment.variants.all()}
    for row in experiment.rollups.all():
        visitors, clicks = counts[row.variant_id]
        counts[row.variant_id] = (visitors + row.visitors, clicks + row.clicking_visitors)
    return counts
