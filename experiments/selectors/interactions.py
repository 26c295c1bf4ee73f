"""Visitors of two experiments at once, and the interactions that were found."""

from collections.abc import Sequence

from django.db import connection, transaction
from django.db.models import Q, QuerySet, Sum

from experiments.models import Exclusion, Experiment, Interaction, Rollup, Site, VisitorOutcome

# Visitors, and those with a success.
Cell = tuple[int, int]
CELLS = f"""
    SELECT a.variant_id, b.variant_id, count(*), sum(CASE WHEN a.{{success}} THEN 1 ELSE 0 END)
    FROM {VisitorOutcome._meta.db_table} a
    JOIN {VisitorOutcome._meta.db_table} b ON b.experiment_id = %s AND b.visitor = a.visitor
    WHERE a.experiment_id = %s AND a.exclusion = {Exclusion.NONE:d}
        AND b.exclusion = {Exclusion.NONE:d}
    GROUP BY a.variant_id, b.variant_id
"""  # noqa: S608


def cells_of(one: Experiment, other: Experiment) -> dict[tuple[int, int], Cell]:
    """Return the visitors of both by their arms, with those who succeeded in the first.

    A success is a click or, for conversions and their values, a conversion.
    """
    is_click = one.primary_metric == Experiment.Metric.CLICK_RATE
    query = CELLS.format(success="has_clicked" if is_click else "has_converted")
    with connection.cursor() as cursor:
        cursor.execute(query, [other.pk, one.pk])
        return {(arm, other_arm): (n, hits) for arm, other_arm, n, hits in cursor.fetchall()}


def visitors_of(experiment: Experiment) -> int:
    rows = Rollup.objects.filter(experiment=experiment, segment="")
    total: int = rows.aggregate(total=Sum("visitors", default=0))["total"]
    return total


def interactions_of(experiment: Experiment) -> QuerySet[Interaction]:
    """Return the interactions in which an experiment takes part, the clearest first."""
    rows = Interaction.objects.filter(
        Q(experiment=experiment) | Q(other_arm__experiment=experiment)
    )
    return rows.select_related("experiment", "arm", "other_arm__experiment")


def replace_interactions(site: Site, rows: Sequence[Interaction]) -> None:
    """Store what a check of the site's live experiments has found.

    Findings on experiments that have ended stay with their reports.
    """
    with transaction.atomic():
        Interaction.objects.filter(
            experiment__slot__site=site,
            experiment__status__in=Experiment.LIVE_STATUSES,
            other_arm__experiment__status__in=Experiment.LIVE_STATUSES,
        ).delete()
        Interaction.objects.bulk_create(rows)
