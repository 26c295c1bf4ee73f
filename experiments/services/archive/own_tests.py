"""Finished experiments as entries of the archive: the decision, and the figures of the report."""

import hashlib
from collections.abc import Iterable, Iterator
from datetime import date, datetime

import numpy as np

from experiments.event_schema.calendar_days import calendar_day
from experiments.models import Decision, Experiment, PastTest
from experiments.services.analysis.comparisons import ComparisonResult
from experiments.services.analysis.report import Report
from experiments.services.archive.entries import ArmEntry, columns_of, folded, language_of
from experiments.services.catalogue.cta_content import cta_values, localised
from experiments.services.reporting.full_report import summaries
from experiments.stats.estimation.lift_intervals import log_ratio
from experiments.stats.estimation.mantel_haenszel import each_field, mantel_haenszel_contrasts

# Logarithm of the result against the control, and the variance of the arm alone.
Logs = list[tuple[float | None, float | None]]

Verdict = PastTest.Verdict


def own_tests(experiments: Iterable[Experiment], *, now: datetime) -> Iterator[PastTest]:
    """Yield finished experiments as rows of the archive, which are not stored.

    Args:
        experiments: Those whose rollups of everybody are prefetched.
        now: Moment of the figures.
    """
    for summary in summaries(experiments, now=now):
        yield _past_test(summary.report, now)


def _past_test(report: Report, now: datetime) -> PastTest:
    experiment = report.experiment
    site, slot = experiment.slot.site, experiment.slot
    decision: Decision | None = getattr(experiment, "decision", None)
    row = _compared(report, decision)
    lift = row.decisive.comparison if row else None
    low, high = (lift.lift_interval if lift else None) or (None, None)
    value = localised(cta_values(experiment.variants.all()[0].cta), site.default_locale, "en")
    audience = experiment.audience
    entries = _entries(report)
    # Stored; never change its input.
    digest = hashlib.sha256(f"experiment\x1f{experiment.key}".encode()).hexdigest()
    return PastTest(
        site=site,
        digest=digest,
        source=PastTest.Source.EXPERIMENT,
        experiment=experiment,
        name=experiment.name,
        verdict=decision.outcome if decision else Verdict.OPEN,
        best=report.arms[row.arm].text if row else "",
        lift=lift.lift if lift else None,
        lift_low=low,
        lift_high=high,
        metric=experiment.primary_metric,
        slot=slot,
        placement=slot.position,
        audience=audience.key if audience else "",
        locale=value.get("locale", ""),
        form=value.get("form", ""),
        started_on=_day(experiment, experiment.started_at),
        ended_on=_day(experiment, experiment.stopped_at),
        words=folded(experiment.name, experiment.hypothesis, *(arm.text for arm in entries)),
        suspect=bool(report.srm and report.srm.is_mismatch) or _is_invalid(decision),
        is_shipped=bool(decision and decision.promoted_cta_id and not decision.undone_at),
        kept_at=now,
        **columns_of(entries, tags=_tags(experiment)),
    )


def _is_invalid(decision: Decision | None) -> bool:
    return decision is not None and decision.outcome == Decision.Outcome.INVALID


def _compared(report: Report, decision: Decision | None) -> ComparisonResult | None:
    """Return the arm that was decided about, or else the one with the least p-value."""
    wanted = decision.compared_id if decision else None
    for row in report.comparisons:
        if row.variant_id == wanted:
            return row
    known = [row for row in report.comparisons if row.decisive.p_value_adjusted is not None]
    return min(known, key=lambda row: row.decisive.p_value_adjusted or 0.0, default=None)


def _entries(report: Report) -> list[ArmEntry]:
    locale = report.experiment.slot.site.default_locale
    return [
        ArmEntry(
            text=arm.text or arm.key,
            visitors=arm.visitors,
            clicks=arm.clicks,
            rate=arm.rate,
            is_control=arm.arm == 0,
            log=log,
            variance=variance,
            **language_of(arm.text or arm.key, locale),  # type: ignore[arg-type]
        )
        for arm, (log, variance) in zip(report.arms, _logs(report), strict=True)
    ]


def _logs(report: Report) -> Logs:
    """Return each arm's log ratio to the control and its own part of the variance.

    The variance of a log ratio is that of the arm's own logarithm plus that of the control's,
    which all arms share; it is kept with the control.
    """
    if report.statistics is None:
        return [(None, None)] * len(report.arms)
    statistics = report.statistics
    if len(statistics.shape) == 1:
        statistics = each_field(statistics, lambda field: field[None])
    contrast = mantel_haenszel_contrasts(statistics)
    values, errors = log_ratio(contrast)
    with np.errstate(all="ignore"):
        shared = contrast.control_variance / contrast.base**2
        own = errors**2 - shared
    rows: Logs = [
        (float(value), float(variance)) if np.isfinite(value) and variance > 0 else (None, None)
        for value, variance in zip(values, own, strict=True)
    ]
    control = float(shared[0])
    is_defined = np.isfinite(control) and control > 0
    return [(0.0, control) if is_defined else (None, None), *rows]


def _day(experiment: Experiment, moment: datetime | None) -> date | None:
    return calendar_day(moment, experiment.zone_of_days) if moment else None


def _tags(experiment: Experiment) -> set[str]:
    return {tag.name for arm in experiment.variants.all() for tag in arm.cta.tags.all()}
