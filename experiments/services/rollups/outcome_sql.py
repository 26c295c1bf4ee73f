"""SQL for visitors' outcomes on PostgreSQL: `visitor_outcome` for whole sets at once.

The rules are those of `visitor_outcome`; the tests compare both with a recount by other
code. The statements make temporary tables that end with the transaction:

    fold_trial    the experiments that are counted, with what their rules need
    fold_seen     a row an experiment and visitor: when exposures and clicks were
    fold_shown    the same with the first exposure
    fold_offset   offsets from UTC of the experiments' time zones in that time
    fold_act      clicks and conversions, to be joined by site and visitor
    fold_outcome  the columns of VisitorOutcome
"""

from experiments.event_schema.messages import Attributes
from experiments.event_schema.rules import MAX_AHEAD, PHASE, PRE_PERIOD
from experiments.models import Event, Exclusion, Experiment, VisitorOutcome
from experiments.models.rollup import LEFT_OUT_COLUMNS

EVENT = Event._meta.db_table
OUTCOME = VisitorOutcome._meta.db_table
# Attributes of an exposure that name segments, sorted.
ATTRIBUTES = sorted({*Attributes.__struct_fields__} - {"ctaopt_internal"})
KEY = ("experiment_id", "visitor")
COLUMNS = (
    "variant_id", "day", "phase", "has_clicked", "has_converted", "value", "clicks", "conversions",
    "repeated_orders", "covariate", "goals", "goal_conversions", "currencies", "exclusion",
    "segments",
)  # fmt: skip
# Key of a row of sums, beside its segment or goal.
CELL = "experiment_id, variant_id, day, phase"
BOT, INTERNAL, PREFETCH, UNEXPLAINED, BURST, REPEATED, HELD_OUT, LATE = map(int, Event.Flag)
DOUBTFUL = BOT | INTERNAL | UNEXPLAINED | BURST
UNREAL = PREFETCH | UNEXPLAINED | BURST | LATE
CLICK_RATE, CONVERSION_RATE, *_, CONVERSIONS_PER_VISITOR = Experiment.Metric
VALUES = ", ".join(f"'{metric}'" for metric in Experiment.METRICS_OF_VALUES)

TRIAL = f"""
    CREATE TEMP TABLE fold_trial ON COMMIT DROP AS
    SELECT e.id AS experiment_id, s.site_id, e.primary_metric AS metric, e.goal, e.value_cap,
           e.stopped_at, coalesce(nullif(e.days_in, ''), site.time_zone) AS days_in,
           e.conversion_window_hours * interval '1 hour' AS patience,
           ARRAY(
               SELECT g.goal FROM experiments_guardrail g
               WHERE g.experiment_id = e.id AND g.metric IN ({VALUES})
               UNION SELECT m.goal FROM experiments_secondarymetric m
               WHERE m.experiment_id = e.id AND m.metric IN ({VALUES})
               UNION SELECT e.goal WHERE e.primary_metric IN ({VALUES})
           ) AS value_goals,
           ARRAY(
               SELECT g.goal FROM experiments_guardrail g WHERE g.experiment_id = e.id
               UNION SELECT m.goal FROM experiments_secondarymetric m WHERE m.experiment_id = e.id
               UNION SELECT e.goal
           ) AS goals
    FROM experiments_experiment e JOIN experiments_slot s ON s.id = e.slot_id
    JOIN experiments_site site ON site.id = s.site_id
    WHERE e.id = ANY(%s)
"""  # noqa: S608


def seen(source: str) -> str:
    """Return the statement that makes fold_seen: times of exposures and clicks by visitor.

    Prefetched events, those of an unexplained or late arm and those of a burst have not happened:
    they count only for visitors without other exposures.
    """
    real = f"e.flags & {UNREAL} = 0"
    exposed, clicked = "e.type = 'exposure'", f"FILTER (WHERE e.type = 'click' AND {real})"
    return f"""
    CREATE TEMP TABLE fold_seen ON COMMIT DROP AS
    SELECT experiment_id, visitor, real_at IS NULL AS is_ghost,
           coalesce(real_at, any_at) AS first_at, seen_at, first_click, last_click,
           CASE WHEN real_at IS NULL THEN any_flags ELSE flags END AS flags,
           CASE WHEN real_at IS NULL THEN any_arms ELSE several_arms END AS several_arms
    FROM (
        SELECT e.experiment_id, e.visitor,
               min(e.occurred_at) FILTER (WHERE {exposed} AND {real}) AS real_at,
               min(e.occurred_at) FILTER (WHERE {exposed}) AS any_at,
               min(e.occurred_at) FILTER (WHERE {real}) AS seen_at,
               min(e.occurred_at) {clicked} AS first_click,
               max(e.occurred_at) {clicked} AS last_click,
               bit_or(e.flags & {DOUBTFUL}) FILTER (WHERE {real}) AS flags,
               bit_or(e.flags & {DOUBTFUL}) AS any_flags,
               min(e.variant_id) FILTER (WHERE {real})
                   <> max(e.variant_id) FILTER (WHERE {real}) AS several_arms,
               min(e.variant_id) <> max(e.variant_id) AS any_arms
        FROM {source} e
        WHERE e.type <> 'conversion' AND e.experiment_id = ANY(%s)
        GROUP BY e.experiment_id, e.visitor
    ) told
    WHERE any_at IS NOT NULL
    """  # noqa: S608


def shown(source: str) -> str:
    """Return the statement that makes fold_shown: fold_seen with the first exposure.

    Only exposures of that moment are sorted; ties go to the smallest id.
    """
    return f"""
    CREATE TEMP TABLE fold_shown ON COMMIT DROP AS
    SELECT DISTINCT ON (s.experiment_id, s.visitor COLLATE "C") s.*, e.variant_id,
           e.attributes, e.flags & {LATE} > 0 AS is_late
    FROM fold_seen s
    JOIN {source} e ON e.experiment_id = s.experiment_id AND e.visitor = s.visitor
        AND e.occurred_at = s.first_at AND (e.flags & {UNREAL} = 0) <> s.is_ghost
    WHERE e.type = 'exposure'
    ORDER BY s.experiment_id, s.visitor COLLATE "C", e.event_id
    """  # noqa: S608


# The time zones of the experiments, each with the times for which its offsets are needed.
ZONES = """
    SELECT t.days_in, min(s.first_at), max(s.first_at)
    FROM fold_shown s JOIN fold_trial t ON t.experiment_id = s.experiment_id GROUP BY t.days_in
"""
OFFSETS = """
    CREATE TEMP TABLE fold_offset ON COMMIT DROP AS
    SELECT * FROM unnest(%s::text[], %s::timestamptz[], %s::timestamptz[], %s::interval[])
        AS o (days_in, since, until, shift)
"""


def acts(source: str) -> str:
    """Return the statement that makes fold_act from clicks and conversions that happened.

    A conversion that repeats an order is none: its type is `repeat` there.
    """
    return f"""
    CREATE TEMP TABLE fold_act ON COMMIT DROP AS
    SELECT site_id, visitor, experiment_id, goal, value, currency, occurred_at,
        CASE WHEN flags & {REPEATED} > 0 THEN 'repeat' ELSE type END AS type
    FROM {source} e
    WHERE type <> 'exposure' AND flags & {UNREAL} = 0
    """  # noqa: S608


# By how much the clocks that date events may differ.
TOLERANCE = f"interval '{MAX_AHEAD.total_seconds():.0f} seconds'"
IN_WINDOW = """
    a.occurred_at >= s.first_at AND a.occurred_at <= least(t.stopped_at, s.first_at + t.patience)
"""
WITHIN = f"a.type = 'conversion' AND {IN_WINDOW}"
BEFORE = f"""
    a.occurred_at >= s.seen_at - interval '{PRE_PERIOD.days * 24} hours'
    AND a.occurred_at < s.seen_at - {TOLERANCE}
"""
ACTED = """
    FROM fold_shown s
    JOIN fold_trial t ON t.experiment_id = s.experiment_id
    JOIN fold_act a ON a.site_id = t.site_id AND a.visitor = s.visitor
"""
SEGMENTS = ", ".join(f"'{name}=' || (s.attributes ->> '{name}')" for name in ATTRIBUTES)

OUTCOMES = f"""
    CREATE TEMP TABLE fold_outcome ON COMMIT DROP AS
    WITH acted AS (
        SELECT s.experiment_id, s.visitor,
            coalesce(bool_or({WITHIN} AND a.goal = t.goal), false) AS has_converted,
            coalesce(sum(a.value) FILTER (WHERE {WITHIN} AND a.goal = t.goal), 0) AS value,
            count(*) FILTER (
                WHERE a.type = 'click' AND a.experiment_id = s.experiment_id AND {IN_WINDOW}
            ) AS clicks,
            count(*) FILTER (WHERE {WITHIN} AND a.goal = t.goal) AS conversions,
            count(*) FILTER (
                WHERE a.type = 'repeat' AND a.goal = ANY(t.goals) AND {IN_WINDOW}
            ) AS repeated_orders,
            CASE min(t.metric)
                WHEN '{CLICK_RATE}' THEN coalesce(
                    bool_or({BEFORE} AND a.type = 'click'), false)::int
                WHEN '{CONVERSION_RATE}' THEN coalesce(
                    bool_or({BEFORE} AND a.type = 'conversion' AND a.goal = t.goal), false)::int
                WHEN '{CONVERSIONS_PER_VISITOR}' THEN count(*) FILTER (
                    WHERE {BEFORE} AND a.type = 'conversion' AND a.goal = t.goal)
                ELSE least(min(t.value_cap), coalesce(sum(a.value) FILTER (
                    WHERE {BEFORE} AND a.type = 'conversion' AND a.goal = t.goal), 0))
            END AS covariate
        {ACTED} WHERE NOT s.is_ghost
        GROUP BY s.experiment_id, s.visitor
    ), reached AS (
        SELECT experiment_id, visitor, jsonb_object_agg(goal, total::text) AS goals,
            jsonb_object_agg(goal, conversions) AS goal_conversions
        FROM (
            SELECT s.experiment_id, s.visitor, a.goal, sum(coalesce(a.value, 0)) AS total,
                count(*) AS conversions
            {ACTED}
            WHERE NOT s.is_ghost AND {WITHIN} AND EXISTS (
                SELECT FROM experiments_guardrail g
                WHERE g.experiment_id = s.experiment_id AND g.goal = a.goal
                UNION ALL SELECT FROM experiments_secondarymetric m
                WHERE m.experiment_id = s.experiment_id AND m.goal = a.goal)
            GROUP BY s.experiment_id, s.visitor, a.goal
        ) goals
        GROUP BY experiment_id, visitor
    ), paid AS (
        SELECT experiment_id, visitor,
            jsonb_object_agg(currency || ' ' || goal, conversions) AS currencies
        FROM (
            SELECT s.experiment_id, s.visitor, a.currency, a.goal, count(*) AS conversions
            {ACTED}
            WHERE NOT s.is_ghost AND {WITHIN}
                AND a.value IS NOT NULL AND a.goal = ANY(t.value_goals)
            GROUP BY s.experiment_id, s.visitor, a.currency, a.goal
        ) currencies
        GROUP BY experiment_id, visitor
    )
    SELECT s.experiment_id, s.visitor, s.variant_id,
        (s.first_at AT TIME ZONE 'UTC' + zone.shift)::date AS day,
        coalesce((s.attributes ->> '{PHASE}')::smallint, 0::smallint) AS phase,
        NOT s.is_ghost AND coalesce(s.last_click >= s.first_at, false) AS has_clicked,
        coalesce(acted.has_converted, false) AS has_converted,
        coalesce(acted.value, 0) AS value,
        coalesce(acted.clicks, 0)::int AS clicks,
        coalesce(acted.conversions, 0)::int AS conversions,
        coalesce(acted.repeated_orders, 0)::int AS repeated_orders,
        coalesce(acted.covariate, 0) AS covariate,
        coalesce(reached.goals, '{{}}') AS goals,
        coalesce(reached.goal_conversions, '{{}}') AS goal_conversions,
        coalesce(paid.currencies, '{{}}') AS currencies,
        CASE
            WHEN s.flags & {BOT} > 0 THEN {Exclusion.BOT:d}
            WHEN s.flags & {INTERNAL} > 0 THEN {Exclusion.INTERNAL:d}
            WHEN s.flags & {UNEXPLAINED} > 0 THEN {Exclusion.UNEXPLAINED:d}
            WHEN s.flags & {BURST} > 0 THEN {Exclusion.BURST:d}
            WHEN s.is_late THEN {Exclusion.LATE:d}
            WHEN s.several_arms THEN {Exclusion.SEVERAL_ARMS:d}
            WHEN s.is_ghost THEN {Exclusion.PREFETCH:d}
            WHEN s.first_click < s.first_at - {TOLERANCE}
                THEN {Exclusion.IMPOSSIBLE:d}
            ELSE {Exclusion.NONE:d}
        END::smallint AS exclusion,
        concat_ws(' ', {SEGMENTS}) AS segments
    FROM fold_shown s
    JOIN fold_trial t ON t.experiment_id = s.experiment_id
    JOIN fold_offset zone ON zone.days_in = t.days_in
        AND s.first_at >= zone.since AND s.first_at < zone.until
    LEFT JOIN acted ON acted.experiment_id = s.experiment_id AND acted.visitor = s.visitor
    LEFT JOIN reached ON reached.experiment_id = s.experiment_id AND reached.visitor = s.visitor
    LEFT JOIN paid ON paid.experiment_id = s.experiment_id AND paid.visitor = s.visitor
"""  # noqa: S608

# The columns of a rollup, each as a sum over outcomes `o` of experiments `t`.
COUNTED = f"(o.exclusion = {Exclusion.NONE:d})::int"
# `least` skips NULL: without a cap the value stays as it is.
VALUE = "least(o.value, t.value_cap)"
MEASURED = f"""
    CASE t.metric WHEN '{CLICK_RATE}' THEN o.has_clicked::int
        WHEN '{CONVERSION_RATE}' THEN o.has_converted::int
        WHEN '{CONVERSIONS_PER_VISITOR}' THEN o.conversions ELSE {VALUE} END
"""
AMOUNTS = {
    "visitors": COUNTED,
    "clicking_visitors": f"{COUNTED} * o.has_clicked::int",
    "converting_visitors": f"{COUNTED} * o.has_converted::int",
    "value_sum": f"{COUNTED} * {VALUE}",
    "value_sum_squares": f"{COUNTED} * {VALUE} * {VALUE}",
    "capped_visitors": f"{COUNTED} * ({VALUE} < o.value)::int",
    "click_sum": f"{COUNTED} * o.clicks",
    "click_sum_squares": f"{COUNTED} * o.clicks::bigint * o.clicks",
    "conversion_sum": f"{COUNTED} * o.conversions",
    "conversion_sum_squares": f"{COUNTED} * o.conversions::bigint * o.conversions",
    "value_click_product_sum": f"{COUNTED} * {VALUE} * o.clicks",
    "repeated_orders": f"{COUNTED} * o.repeated_orders",
    "covariate_sum": f"{COUNTED} * o.covariate",
    "covariate_sum_squares": f"{COUNTED} * o.covariate * o.covariate",
    "covariate_product_sum": f"{COUNTED} * o.covariate * {MEASURED}",
    "covariate_click_product_sum": f"{COUNTED} * o.covariate * o.clicks",
    **{name: f"(o.exclusion = {reason:d})::int" for reason, name in LEFT_OUT_COLUMNS.items()},
}
# Outcomes of an earlier version lack the number of conversions, and no sum holds it.
GOAL_CONVERSIONS = "coalesce((o.goal_conversions ->> g.key)::bigint, 0)"
GOAL_VALUE = """
    least(g.value::numeric, CASE WHEN g.key = t.goal THEN t.value_cap END)
"""
GOAL_AMOUNTS = {
    "converting_visitors": "1",
    "value_sum": GOAL_VALUE,
    "value_sum_squares": f"{GOAL_VALUE} * {GOAL_VALUE}",
    "conversion_sum": GOAL_CONVERSIONS,
    "conversion_sum_squares": f"{GOAL_CONVERSIONS} * {GOAL_CONVERSIONS}",
    "value_click_product_sum": f"{GOAL_VALUE} * o.clicks",
}
CURRENCY_AMOUNTS = {"conversions": "c.value::int"}


def contributions(source: str, *, sign: int = 1) -> str:
    """Return the query that sums outcomes by experiment, arm, day, phase and segment."""
    sums = ", ".join(f"sum({sign} * {amount}) AS {name}" for name, amount in AMOUNTS.items())
    totals = ", ".join(f"sum({name}) AS {name}" for name in AMOUNTS)
    # First by combination of segments, of which there are few; then by segment.
    return f"""
    SELECT {CELL}, segment, {totals}
    FROM (
        SELECT o.experiment_id, o.variant_id, o.day, o.phase, o.segments, {sums}
        FROM {source} o JOIN fold_trial t ON t.experiment_id = o.experiment_id
        GROUP BY o.experiment_id, o.variant_id, o.day, o.phase, o.segments
    ) summed
    CROSS JOIN LATERAL unnest(array_prepend('', string_to_array(segments, ' '))) AS segment
    GROUP BY {CELL}, segment
    """  # noqa: S608


def goal_contributions(source: str, *, sign: int = 1) -> str:
    """Return the query that sums guardrails' goals by experiment, arm, day, phase and goal."""
    sums = ", ".join(f"sum({sign} * {amount}) AS {name}" for name, amount in GOAL_AMOUNTS.items())
    return f"""
    SELECT o.experiment_id, o.variant_id, o.day, o.phase, g.key AS goal, {sums}
    FROM {source} o JOIN fold_trial t ON t.experiment_id = o.experiment_id
    CROSS JOIN LATERAL jsonb_each_text(o.goals) AS g
    WHERE o.exclusion = {Exclusion.NONE:d} AND o.goals <> '{{}}'
    GROUP BY o.experiment_id, o.variant_id, o.day, o.phase, g.key
    """  # noqa: S608


def currency_contributions(source: str, *, sign: int = 1) -> str:
    """Return the query that sums conversions by experiment, arm, day, phase, goal and currency."""
    (amount,) = CURRENCY_AMOUNTS.values()
    return f"""
    SELECT o.experiment_id, o.variant_id, o.day, o.phase,
        substr(c.key, strpos(c.key, ' ') + 1) AS goal, split_part(c.key, ' ', 1) AS currency,
        sum({sign} * {amount}) AS conversions
    FROM {source} o CROSS JOIN LATERAL jsonb_each_text(o.currencies) AS c
    WHERE o.exclusion = {Exclusion.NONE:d} AND o.currencies <> '{{}}'
    GROUP BY o.experiment_id, o.variant_id, o.day, o.phase, c.key
    """  # noqa: S608
