"""Read-only SQL views over experiments and their results, for BI tools.

They hold sums and settings: no visitor, key, secret, address or name of a person. SQLite refuses to
alter a table while a view reads it, so every migration drops them first and makes them again.
"""

import logging
from typing import Any

from django.db import connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

logger = logging.getLogger(__name__)

# Everybody's rollups of an arm, added up; sums of values are text in SQLite.
_SUMS = """
    COALESCE(CAST(SUM(r.visitors) AS BIGINT), 0) AS visitors,
    COALESCE(CAST(SUM(r.clicking_visitors) AS BIGINT), 0) AS clicking_visitors,
    COALESCE(CAST(SUM(r.converting_visitors) AS BIGINT), 0) AS converting_visitors,
    COALESCE(CAST(SUM(r.click_sum) AS BIGINT), 0) AS clicks,
    COALESCE(CAST(SUM(r.conversion_sum) AS BIGINT), 0) AS conversions,
    COALESCE(SUM(CAST(r.value_sum AS DOUBLE PRECISION)), 0) AS conversion_value
"""
# Names and columns are used by people's dashboards; never rename.
VIEWS = {
    "reporting_experiments": """
SELECT e.id AS experiment_id, e.key AS experiment, e.name, site.key AS site, slot.key AS slot,
    audience.key AS audience, e.status, e.plan, e.primary_metric, e.goal, e.alpha,
    e.planned_visitors, e.origin, e.started_at, e.stopped_at
FROM experiments_experiment e
JOIN experiments_slot slot ON slot.id = e.slot_id
JOIN experiments_site site ON site.id = slot.site_id
LEFT JOIN experiments_audience audience ON audience.id = e.audience_id
""",
    "reporting_arms": f"""
SELECT e.id AS experiment_id, e.key AS experiment, site.key AS site, v.arm, v.key AS arm_key,
    COALESCE(
        (SELECT w.text FROM experiments_ctawording w
         WHERE w.cta_id = v.cta_id AND w.locale = site.default_locale),
        (SELECT w.text FROM experiments_ctawording w
         WHERE w.cta_id = v.cta_id ORDER BY w.locale LIMIT 1),
        '') AS wording,
    CAST(v.share AS DOUBLE PRECISION) AS share, v.rolled_back_at, totals.visitors,
    totals.clicking_visitors, totals.converting_visitors, totals.clicks, totals.conversions,
    totals.conversion_value
FROM experiments_variant v
JOIN experiments_experiment e ON e.id = v.experiment_id
JOIN experiments_slot slot ON slot.id = e.slot_id
JOIN experiments_site site ON site.id = slot.site_id
JOIN (
    SELECT arm.id AS variant_id, {_SUMS}
    FROM experiments_variant arm
    LEFT JOIN experiments_rollup r ON r.variant_id = arm.id AND r.segment = ''
    GROUP BY arm.id
) totals ON totals.variant_id = v.id
""",  # noqa: S608  constants of this module
    "reporting_daily_counts": f"""
SELECT e.id AS experiment_id, e.key AS experiment, site.key AS site, r.day, v.arm,
    v.key AS arm_key, {_SUMS}
FROM experiments_rollup r
JOIN experiments_variant v ON v.id = r.variant_id
JOIN experiments_experiment e ON e.id = r.experiment_id
JOIN experiments_slot slot ON slot.id = e.slot_id
JOIN experiments_site site ON site.id = slot.site_id
WHERE r.segment = ''
GROUP BY e.id, e.key, site.key, r.day, v.arm, v.key
""",  # noqa: S608  constants of this module
    "reporting_results": """
SELECT e.id AS experiment_id, e.key AS experiment, site.key AS site, e.status,
    standing.computed_at, standing.status AS verdict, leader.key AS best_arm,
    standing.lift AS best_lift, standing.visitors, past.verdict AS final_verdict,
    past.lift AS final_lift, past.lift_low AS final_lift_low, past.lift_high AS final_lift_high,
    decision.outcome AS decision, chosen.key AS decided_arm, decision.lift AS decided_lift,
    decision.p_value AS decided_p_value, decision.decided_at
FROM experiments_experiment e
JOIN experiments_slot slot ON slot.id = e.slot_id
JOIN experiments_site site ON site.id = slot.site_id
LEFT JOIN experiments_standing standing ON standing.experiment_id = e.id
LEFT JOIN experiments_variant leader ON leader.id = standing.winner_id
LEFT JOIN experiments_pasttest past ON past.experiment_id = e.id
LEFT JOIN experiments_decision decision ON decision.experiment_id = e.id
LEFT JOIN experiments_variant chosen ON chosen.id = decision.winner_id
WHERE e.started_at IS NOT NULL
""",
}
# Databases whose views the migration that now runs has dropped.
_dropped: set[str] = set()


def present_views(connection: BaseDatabaseWrapper) -> list[str]:
    """Return the names of the views that are there."""
    with connection.cursor() as cursor:
        found = {row.name for row in connection.introspection.get_table_list(cursor)}
    return [name for name in VIEWS if name in found]


def create_views(connection: BaseDatabaseWrapper) -> None:
    """Make all views, in place of those that are there."""
    with transaction.atomic(using=connection.alias):
        drop_views(connection)
        with connection.cursor() as cursor:
            for name, query in VIEWS.items():
                cursor.execute(f"CREATE VIEW {name} AS {query}")


def drop_views(connection: BaseDatabaseWrapper) -> list[str]:
    """Drop the views; return the names of those that were there."""
    there = present_views(connection)
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        for name in there:
            cursor.execute(f"DROP VIEW {name}")
    return there


def drop_before_migration(*, using: str, **_: Any) -> None:
    """Drop the views before tables change; called by `migrate`."""
    if drop_views(connections[using]):
        _dropped.add(using)


def restore_after_migration(*, using: str, **_: Any) -> None:
    """Make the views again that the migration dropped; called by `migrate` at its end.

    An older schema, which a way back leaves, may lack what they read: it gets none.
    """
    if using not in _dropped:
        return
    _dropped.discard(using)
    executor = MigrationExecutor(connections[using])
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        logger.warning("views for BI tools were dropped: `manage.py reporting_views --create`")
        return
    create_views(connections[using])
