"""The sufficient statistics of an experiment as one expression over a table of events.

The rules are those of `services.rollups.visitor_outcome` and `services.rollups.accumulator`; Ibis
writes them as SQL of DuckDB, PostgreSQL, ClickHouse and Spark. Counts are exact: visitors are
grouped before they are counted, because a distinct count would become ClickHouse's approximate one.
Sums are decimals, and no step of them is a float.
"""

import ibis
from ibis import Table, Value

from experiments.event_schema.rules import MAX_AHEAD, PRE_PERIOD
from experiments.warehouse.event_layout import ATTRIBUTES, COLUMNS
from experiments.warehouse.experiment_query import ExperimentQuery

# Products of these two have 38 digits, 12 of them decimals: exact on every engine.
WIDE, NARROW, PRODUCT = "decimal(19, 6)", "decimal(18, 6)", "decimal(38, 12)"
# Why visitors are left out, the first reason that applies; the numbers 1, 2, ... say which.
LEFT_OUT = (
    "bot_visitors",
    "internal_visitors",
    "quarantined_visitors",
    "prefetched_visitors",
    "impossible_visitors",
)
CELL = ("variant", "day", *ATTRIBUTES)
SUMS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_product_sum",
    *LEFT_OUT,
)


def rollups_of(events: Table, query: ExperimentQuery) -> Table:
    """Return a row a variant, day and segment with the amounts of a rollup.

    The segment is empty for all visitors, or such as `device=mobile`.
    """
    visitors = _visitors(_read(events, query), query)
    cells = visitors.group_by(CELL).aggregate(**_sums(visitors, query.metric))
    return _by_segment(cells)


def goal_rollups_of(events: Table, query: ExperimentQuery) -> Table:
    """Return a row a variant, day and goal of a guardrail, with what its visitors did."""
    rows = _read(events, query)
    first = _first_exposures(rows, query)
    first = first.filter(first.exclusion == 0)
    reached = _conversions(rows, query.guardrail_goals)
    reached = reached.select("visitor", "goal", "occurred_at", "value").join(
        first.select("visitor", "variant", "day", "exposed_at"), "visitor"
    )
    reached = reached.filter(_counts(reached, query))
    totals = reached.group_by("variant", "day", "goal", "visitor").aggregate(
        value=_total(reached.value)
    )
    return totals.group_by("variant", "day", "goal").aggregate(
        converting_visitors=totals.count(),
        value_sum=totals.value.sum(),
        value_sum_squares=_product(totals.value, totals.value).sum(),
    )


def _read(events: Table, query: ExperimentQuery) -> Table:
    """Return the site's events with the columns and types of the layout."""
    rows = events.filter(events.site == query.site)
    return rows.select(**{name: rows[name].cast(kind) for name, kind in COLUMNS.items()})


def _first_exposures(rows: Table, query: ExperimentQuery) -> Table:
    """Return each visitor's first exposure, when a first sign came, and why they are left out."""
    shown = _shown(rows, query)
    visitor = ibis.window(group_by=shown.visitor)
    in_time = ibis.window(group_by=shown.visitor, order_by=[shown.is_click, *_time(shown)])
    shown = shown.mutate(
        place=ibis.row_number().over(in_time),
        seen_at=shown.occurred_at.min().over(visitor),
        has_bot=_number(shown.is_bot).max().over(visitor),
        has_internal=_number(shown.is_internal).max().over(visitor),
        # A click tells of an arm that was seen, even where its exposure was lost.
        has_several=shown.variant.min().over(visitor) != shown.variant.max().over(visitor),
        clicked_at=shown.is_click.ifelse(shown.occurred_at, ibis.null()).min().over(visitor),
    )
    first = shown.filter((shown.place == 0) & ~shown.is_click)
    return first.select(
        "visitor",
        "variant",
        "seen_at",
        *ATTRIBUTES,
        exposed_at=first.occurred_at,
        day=first.occurred_at.date(),
        exclusion=_exclusion(first),
    )


def _shown(rows: Table, query: ExperimentQuery) -> Table:
    """Return exposures and clicks; prefetches only for visitors without a real exposure."""
    own = rows.filter((rows.experiment == query.experiment) & rows.type.isin(["exposure", "click"]))
    own = own.mutate(is_click=own.type == "click")
    really = _number(~own.is_click & ~own.is_prefetched)
    own = own.mutate(was_seen=really.max().over(ibis.window(group_by=own.visitor)) > 0)
    return own.filter(~own.is_prefetched | ~own.was_seen)


def _exclusion(first: Table) -> Value:
    """Return the number of the first reason in LEFT_OUT that applies, 0 for who counts."""
    too_early = first.clicked_at < first.occurred_at - ibis.interval(
        minutes=MAX_AHEAD.seconds // 60
    )
    reasons = (
        first.has_bot > 0,
        first.has_internal > 0,
        first.has_several,
        first.is_prefetched,
        too_early.fill_null(False),  # noqa: FBT003  Ibis's own signature
    )
    return ibis.cases(*((reason, place) for place, reason in enumerate(reasons, 1)), else_=0)


def _time(rows: Table) -> tuple[Value, Value]:
    """Return the order of events: by their own time, and at equal times by their ids."""
    return rows.occurred_at, rows.event_id


def _visitors(rows: Table, query: ExperimentQuery) -> Table:
    """Return what each exposed visitor amounts to: a row a visitor."""
    first = _first_exposures(rows, query)
    clicks = rows.filter((rows.type == "click") & ~rows.is_prefetched)
    conversions = _conversions(rows, (query.goal,))
    deeds = ibis.union(
        clicks.select("visitor", "type", "experiment", "occurred_at", value=_zero()),
        conversions.select("visitor", "type", "experiment", "occurred_at", "value"),
    )
    done = deeds.join(first.select("visitor", "exposed_at", "seen_at"), "visitor")
    totals = _acts_of_visitors(done, query)
    both = first.left_join(totals, "visitor")
    return both.select(
        *CELL,
        "exclusion",
        *(both[name].fill_null(0).name(name) for name in ("clicks", "conversions")),
        *(both[name].fill_null(_zero()).name(name) for name in ("value", "covariate")),
    )


def _acts_of_visitors(done: Table, query: ExperimentQuery) -> Table:
    is_click = done.type == "click"
    counts = ~is_click & _counts(done, query)
    own_click = is_click & (done.experiment == query.experiment)
    before = (done.occurred_at < done.seen_at) & (
        done.occurred_at >= done.seen_at - ibis.interval(days=PRE_PERIOD.days)
    )
    return done.group_by("visitor").aggregate(
        clicks=_number(own_click & (done.occurred_at >= done.exposed_at)).sum(),
        conversions=_number(counts).sum(),
        value=_total(counts.ifelse(done.value, _zero())),
        covariate=_covariate(done, before, query.metric),
    )


def _covariate(done: Table, before: Value, metric: str) -> Value:
    """Return the primary metric of the pre-period; clicks count wherever on the site."""
    if metric == "value_per_visitor":
        return _total((before & (done.type == "conversion")).ifelse(done.value, _zero()))
    kind = "click" if metric == "click_rate" else "conversion"
    return _number(before & (done.type == kind)).max().cast(WIDE)


def _conversions(rows: Table, goals: tuple[str, ...]) -> Table:
    """Return the conversions to these goals, each id once: the first that arrived."""
    reached = rows.filter((rows.type == "conversion") & rows.goal.isin(goals) & ~rows.is_prefetched)
    copies = ibis.window(group_by=reached.event_id, order_by=reached.received_at)
    reached = reached.mutate(copy=ibis.row_number().over(copies))
    return reached.filter(reached.copy == 0).mutate(value=reached.value.fill_null(_zero()))


def _counts(done: Table, query: ExperimentQuery) -> Value:
    """Return whether a conversion lies in the window after the first exposure, before the end."""
    window = ibis.interval(hours=query.window_hours)
    since = (done.occurred_at >= done.exposed_at) & (done.occurred_at <= done.exposed_at + window)
    if query.stopped_at is None:
        return since
    return since & (done.occurred_at <= ibis.literal(query.stopped_at, "timestamp('UTC', 6)"))


def _sums(visitors: Table, metric: str) -> dict[str, Value]:
    counted = visitors.exclusion == 0
    clicked, converted = visitors.clicks > 0, visitors.conversions > 0
    value, covariate = (counted.ifelse(visitors[name], _zero()) for name in ("value", "covariate"))
    outcome = {
        "click_rate": _number(clicked).cast(NARROW),
        "conversion_rate": _number(converted).cast(NARROW),
        "value_per_visitor": visitors.value,
    }[metric]
    amounts = (
        _number(counted),
        _number(counted & clicked),
        _number(counted & converted),
        value,
        _product(value, value),
        covariate,
        _product(covariate, covariate),
        _product(covariate, outcome),
        *(_number(visitors.exclusion == place) for place in range(1, len(LEFT_OUT) + 1)),
    )
    return {name: amount.sum() for name, amount in zip(SUMS, amounts, strict=True)}


def _by_segment(cells: Table) -> Table:
    """Count each cell once for everybody and once in every segment that it names."""
    many = cells.mutate(attribute=ibis.array(["", *ATTRIBUTES]).unnest())
    texts = [(many.attribute == name, ibis.literal(f"{name}=") + many[name]) for name in ATTRIBUTES]
    named = many.mutate(segment=ibis.cases(*texts, else_=""))
    named = named.filter(named.segment.notnull())
    sums = {name: named[name].sum() for name in SUMS}
    return named.group_by("variant", "day", "segment").aggregate(**sums)


def _number(condition: Value) -> Value:
    """Return 1 or 0; PostgreSQL does not cast a boolean to a bigint."""
    return condition.ifelse(ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _total(values: Value) -> Value:
    return values.sum().cast(WIDE)


def _product(one: Value, other: Value) -> Value:
    return (one.cast(WIDE) * other.cast(NARROW)).cast(PRODUCT)


def _zero() -> Value:
    return ibis.literal(0).cast(WIDE)
