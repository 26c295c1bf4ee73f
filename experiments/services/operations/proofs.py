"""Proofs of live experiments, kept in their history: when each arm was proven, and by how much."""

import json
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Change, Experiment
from experiments.selectors import reports
from experiments.services.analysis.report import Report, report_of
from experiments.services.analysis.rollup_source import PrefetchedCounts
from experiments.services.lifecycle.change_log import Kind, Occasion, record


def record_proofs(*, now: datetime) -> list[tuple[Experiment, str]]:
    """Write what is proven and not yet in the history; return the experiments with the arms' keys.

    A report finds the first proof from the sums of the days, no matter who looks. The history
    keeps what was found, even if visitors are erased later. A proof of the first day is recorded
    when the day is over: until then its own visitors may take it back.
    """
    recorded = []
    for experiment in reports.live_experiments():
        counts = PrefetchedCounts(experiment)
        report = report_of(experiment=experiment, now=now, counts=counts)
        for key, note in _new_proofs(report):
            with transaction.atomic():
                record(experiment, Kind.PROVEN, Occasion(now=now, note=note))
            recorded.append((experiment, key))
    return recorded


def _new_proofs(report: Report) -> Iterator[tuple[str, str]]:
    changes = Change.objects.filter(experiment=report.experiment, kind=Kind.PROVEN)
    known = {json.loads(note)["arm"] for note in changes.values_list("note", flat=True)}
    today = calendar_day(report.as_of, report.experiment.zone_of_days)
    for row in report.comparisons:
        key = report.arms[row.arm].key
        if row.proven is not None and row.proven.day < today and key not in known:
            yield (
                key,
                json.dumps(
                    {
                        "code": "proven",
                        "arm": key,
                        "day": row.proven.day.isoformat(),
                        "lift": row.proven.lift,
                        "p_value": row.proven.p_value_adjusted,
                        "visitors": row.proven.visitors,
                    }
                ),
            )
