"""Folding and rebuilding on PostgreSQL, many visitors in a few statements.

Each function runs in its caller's transaction, in which the experiments are locked.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.backends.utils import CursorWrapper

from experiments.event_schema.calendar_days import offsets_in
from experiments.models import (
    CurrencyRollup,
    Experiment,
    GoalRollup,
    PendingBatch,
    Rollup,
    VisitorDay,
)
from experiments.services.rollups.outcome_sql import (
    AMOUNTS,
    CELL,
    COLUMNS,
    CURRENCY_AMOUNTS,
    EVENT,
    GOAL_AMOUNTS,
    OFFSETS,
    OUTCOME,
    OUTCOMES,
    TRIAL,
    ZONES,
    acts,
    contributions,
    currency_contributions,
    goal_contributions,
    seen,
    shown,
)

ROLLUP, GOAL_ROLLUP, CURRENCY_ROLLUP, DAYS, PENDING = (
    model._meta.db_table for model in (Rollup, GoalRollup, CurrencyRollup, VisitorDay, PendingBatch)
)
NAMES = ", ".join(COLUMNS)

# A visitor has events in one partition per day of activity. The days are stored, so that not
# every partition is scanned. The visitor is stored as a 64-bit hash: a collision only costs a
# needless scan.
# Stored; never change.
HASHED = "('x' || substr(md5({visitor}), 1, 16))::bit(64)::bigint"
DAY_OF_ID = """
    (date '1970-01-01' + (('x' || lpad(substr(replace({id}::text, '-', ''), 1, 12), 16, '0')
    )::bit(64)::bigint / 86400000)::int)
"""
FIRST_ID = """
    (lpad(to_hex(({day} - date '1970-01-01')::bigint * 86400000), 12, '0')
    || '00000000000000000000')::uuid
"""

TOUCHED = f"""
    CREATE TEMP TABLE fold_touched ON COMMIT DROP AS
    SELECT site_id, visitor, {HASHED.format(visitor="visitor")} AS visitor_hash,
           {DAY_OF_ID.format(id="event_id")} AS day, count(*) AS n_events
    FROM {EVENT} WHERE batch = ANY(%s) GROUP BY 1, 2, 3, 4
"""  # noqa: S608
REMEMBER_DAYS = f"""
    INSERT INTO {DAYS} (site_id, visitor_hash, day)
    SELECT DISTINCT site_id, visitor_hash, day FROM fold_touched ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
"""  # noqa: S608
FORGET_DAYS = f"""
    DELETE FROM {DAYS} WHERE site_id = %s AND visitor_hash = {HASHED.format(visitor="%s")}
"""  # noqa: S608
# Every event of the visitors, irrespective of its arrival.
EVENTS = f"""
    CREATE TEMP TABLE fold_event ON COMMIT DROP AS
    SELECT e.*
    FROM (SELECT DISTINCT site_id, visitor, visitor_hash FROM fold_touched) v
    JOIN {DAYS} d ON d.site_id = v.site_id AND d.visitor_hash = v.visitor_hash
    JOIN {EVENT} e ON e.site_id = v.site_id AND e.visitor = v.visitor
        AND e.event_id >= {FIRST_ID.format(day="d.day")}
        AND e.event_id < {FIRST_ID.format(day="(d.day + 1)")}
"""  # noqa: S608

# Settled outcomes rest on dropped events, so they stay.
CHANGED = f"""
    CREATE TEMP TABLE fold_changed ON COMMIT DROP AS
    SELECT n.* FROM fold_outcome n
    LEFT JOIN {OUTCOME} o ON o.experiment_id = n.experiment_id AND o.visitor = n.visitor
    WHERE o.experiment_id IS NULL OR (NOT o.is_settled AND ({", ".join(f"o.{c}" for c in COLUMNS)})
        IS DISTINCT FROM ({", ".join(f"n.{c}" for c in COLUMNS)}))
"""  # noqa: S608
REPLACED = f"""
    CREATE TEMP TABLE fold_replaced ON COMMIT DROP AS
    SELECT o.* FROM {OUTCOME} o JOIN fold_changed n
    ON n.experiment_id = o.experiment_id AND n.visitor = o.visitor
"""  # noqa: S608
WRITE_OUTCOMES = f"""
    INSERT INTO {OUTCOME} (experiment_id, visitor, {NAMES})
    SELECT experiment_id, visitor, {NAMES} FROM fold_changed
    ON CONFLICT (experiment_id, visitor) DO UPDATE
    SET {", ".join(f"{name} = excluded.{name}" for name in COLUMNS)}
"""  # noqa: S608
WAITING = f"""
    CREATE TEMP TABLE fold_waiting ON COMMIT DROP AS
    SELECT DISTINCT visitor FROM {EVENT}
    WHERE site_id = %s AND batch IN (SELECT id FROM {PENDING})
"""  # noqa: S608
STANDING = f"""
    CREATE TEMP TABLE fold_standing ON COMMIT DROP AS
    SELECT o.* FROM {OUTCOME} o WHERE o.experiment_id = %s
    AND (o.is_settled OR o.visitor IN (SELECT visitor FROM fold_waiting))
"""  # noqa: S608
COUNTED_AGAIN = """
    CREATE TEMP TABLE fold_counted ON COMMIT DROP AS
    SELECT n.* FROM fold_outcome n
    WHERE NOT EXISTS (SELECT FROM fold_standing s WHERE s.visitor = n.visitor)
    AND NOT EXISTS (SELECT FROM fold_waiting w WHERE w.visitor = n.visitor)
"""
# Tables of sums, the key of their rows beside CELL, the amounts, and the query.
SUMS = (
    (ROLLUP, "segment", AMOUNTS, contributions),
    (GOAL_ROLLUP, "goal", GOAL_AMOUNTS, goal_contributions),
    (CURRENCY_ROLLUP, "goal, currency", CURRENCY_AMOUNTS, currency_contributions),
)


def fold_set(*, batches: Sequence[int], experiments: Iterable[int]) -> int:
    """Recount the visitors of these batches; return the number of events in the batches."""
    with connection.cursor() as cursor:
        _make(cursor, "fold_trial", TRIAL, [list(experiments)])
        _make(cursor, "fold_touched", TOUCHED, [list(batches)])
        cursor.execute(REMEMBER_DAYS)
        _make_events(cursor)
        _count(cursor, "fold_event", experiments)
        _make(cursor, "fold_changed", CHANGED)
        _make(cursor, "fold_replaced", REPLACED)
        cursor.execute(WRITE_OUTCOMES)
        _book(cursor)
        cursor.execute("SELECT coalesce(sum(n_events), 0) FROM fold_touched")
        return int(cursor.fetchone()[0])


def rebuild_set(*, experiment: Experiment, site_id: int) -> None:
    """Recompute an experiment's outcomes and rollups from its events."""
    with connection.cursor() as cursor:
        count_set(cursor, experiment=experiment, site_id=site_id)
        _make(cursor, "fold_changed", CHANGED)
        cursor.execute(
            f"DELETE FROM {OUTCOME} o WHERE o.experiment_id = %s AND NOT o.is_settled "  # noqa: S608
            "AND NOT EXISTS (SELECT FROM fold_outcome n WHERE n.experiment_id = o.experiment_id "
            "AND n.visitor = o.visitor)",
            [experiment.pk],
        )
        cursor.execute(WRITE_OUTCOMES)
        outcomes = f"(SELECT * FROM {OUTCOME} WHERE experiment_id = {experiment.pk:d})"  # noqa: S608
        for table, key, amounts, query in SUMS:
            names = ", ".join((CELL, key, *amounts))
            cursor.execute(f"DELETE FROM {table} WHERE experiment_id = %s", [experiment.pk])  # noqa: S608
            cursor.execute(f"INSERT INTO {table} ({names}) {query(outcomes)}")


def differing_rows(*, experiment: Experiment, site_id: int) -> int:
    """Return how many of the experiment's rollup rows differ from a recount of its events.

    Visitors with pending or dropped events count as booked.
    """
    with connection.cursor() as cursor:
        count_set(cursor, experiment=experiment, site_id=site_id)
        _make(cursor, "fold_waiting", WAITING, [site_id])
        _make(cursor, "fold_standing", STANDING, [experiment.pk])
        _make(cursor, "fold_counted", COUNTED_AGAIN)
        n_differing = 0
        for table, key, amounts, query in SUMS:
            names = f"{CELL}, {key}"
            less = ", ".join(f"-{name}" for name in amounts)
            other = " OR ".join(f"sum({name}) <> 0" for name in amounts)
            cursor.execute(
                f"""
                SELECT count(*) FROM (
                    SELECT {names} FROM (
                        {query("fold_counted")} UNION ALL {query("fold_standing")}
                        UNION ALL SELECT {names}, {less} FROM {table} WHERE experiment_id = %s
                    ) both_ways GROUP BY {names} HAVING {other}
                ) differing
                """,  # noqa: S608
                [experiment.pk],
            )
            n_differing += cursor.fetchone()[0]
        return n_differing


def forget_days(*, site_id: int, visitor: str) -> None:
    """Delete the record of a visitor's days; the caller deletes the events."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute(FORGET_DAYS, [site_id, visitor])


def count_set(cursor: CursorWrapper, *, experiment: Experiment, site_id: int) -> None:
    """Make fold_outcome: the experiment's visitors, counted from all events."""
    # Keeps groups of millions of visitors in memory; the server's default would spill to disk.
    cursor.execute("SET LOCAL work_mem = '256MB'")
    _make(cursor, "fold_trial", TRIAL, [[experiment.pk]])
    events = f"(SELECT * FROM {EVENT} WHERE site_id = {site_id:d})"  # noqa: S608
    _count(cursor, events, [experiment.pk])


def _make_events(cursor: CursorWrapper) -> None:
    # The planner cannot foresee which partitions a day excludes and would read them all.
    cursor.execute("SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off")
    _make(cursor, "fold_event", EVENTS)
    cursor.execute("SET LOCAL enable_hashjoin = on; SET LOCAL enable_mergejoin = on")


def _count(cursor: CursorWrapper, source: str, experiments: Iterable[int]) -> None:
    """Make fold_outcome from the events in a relation."""
    _make(cursor, "fold_seen", seen(source), [list(experiments)])
    _make(cursor, "fold_shown", shown(source))
    _make_offsets(cursor)
    _make(cursor, "fold_act", acts(source))
    _make(cursor, "fold_outcome", OUTCOMES)


def _make_offsets(cursor: CursorWrapper) -> None:
    """Make fold_offset: the offsets of every zone, each from a moment until the next."""
    cursor.execute(ZONES)
    rows = []
    for name, since, until in cursor.fetchall():
        offsets = offsets_in(ZoneInfo(name), since=since, until=until)
        changes = [one.since.isoformat() for one in offsets if one.since]
        times = zip(["-infinity", *changes], [*changes, "infinity"], offsets, strict=True)
        rows += [(name, begin, end, one.shift) for begin, end, one in times]
    _make(
        cursor,
        "fold_offset",
        OFFSETS,
        [list(column) for column in zip(*rows, strict=True)] or [[]] * 4,
    )


def _make(cursor: CursorWrapper, name: str, statement: str, values: Sequence[Any] = ()) -> None:
    # A second fold in the same transaction finds the table of the first.
    cursor.execute(f"DROP TABLE IF EXISTS {name}")
    cursor.execute(statement, values or None)
    cursor.execute(f"ANALYZE {name}")


def _book(cursor: CursorWrapper) -> None:
    """Add the difference between fold_changed and fold_replaced to the rollups."""
    for table, key, amounts, query in SUMS:
        sums = ", ".join(f"sum({name}) AS {name}" for name in amounts)
        both = f"{query('fold_changed')} UNION ALL {query('fold_replaced', sign=-1)}"
        names = f"{CELL}, {key}"
        statement = f"""
            CREATE TEMP TABLE fold_delta ON COMMIT DROP AS
            SELECT {names}, {sums} FROM ({both}) moved GROUP BY {names}
        """  # noqa: S608
        _make(cursor, "fold_delta", statement)
        _add_delta(cursor, table, names.split(", "), list(amounts))


def _add_delta(cursor: CursorWrapper, table: str, keys: list[str], amounts: list[str]) -> None:
    same = " AND ".join(f"r.{name} = d.{name}" for name in keys)
    added = ", ".join(f"{name} = r.{name} + d.{name}" for name in amounts)
    names = ", ".join(keys + amounts)
    moved = " OR ".join(f"d.{name} <> 0" for name in amounts)
    nothing = " AND ".join(f"r.{name} = 0" for name in amounts)
    # Not ON CONFLICT: a row of differences alone would violate the constraints of a rollup.
    cursor.execute(f"UPDATE {table} r SET {added} FROM fold_delta d WHERE {same}")  # noqa: S608
    cursor.execute(
        f"INSERT INTO {table} ({names}) SELECT {names} FROM fold_delta d WHERE ({moved}) "  # noqa: S608
        f"AND NOT EXISTS (SELECT FROM {table} r WHERE {same})"
    )
    # A row of zeros (its only visitor moved to another day) is deleted.
    cursor.execute(f"DELETE FROM {table} r USING fold_delta d WHERE {same} AND {nothing}")  # noqa: S608
