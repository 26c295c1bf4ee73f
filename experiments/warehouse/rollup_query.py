"""The sufficient statistics of an experiment as one expression over a table of events.

The rules are those of `services.rollups.visitor_outcome` and `services.rollups.accumulator`; Ibis
writes them as SQL of DuckDB, PostgreSQL, ClickHouse and Spark. Counts are exact: visitors are
grouped before they are counted, because a distinct count would become ClickHouse's approximate one.
Sums are decimals, and no step of them is a float.
"""

from datetime import timedelta

import ibis
from ibis import Table, Value

from experiments.event_schema.rules import MAX_AHEAD, PRE_PERIOD
from experiments.warehouse.event_layout import ATTRIBUTES, COLUMNS, CURRENCY, LATER_FLAGS
from experiments.warehouse.experiment_query import ExperimentQuery

# Products of these two have 38 digits, 12 of them decimals: exact on every engine.
WIDE, NARROW, PRODUCT = "decimal(19, 6)", "decimal(18, 6)", "decimal(38, 12)"
MOMENT = "timestamp('UTC', 6)"
# Reasons for leaving visitors out, in order of precedence; numbered from 1.
LEFT_OUT = (
    "bot_visitors",
    "internal_visitors",
    "unexplained_visitors",
    "burst_visitors",
    "late_visitors",
    "quarantined_visitors",
    "prefetched_visitors",
    "impossible_visitors",
)
COUNTED = ("clicks", "conversions", "repeated_orders")
CELL = ("variant", "day", "phase")
# Type of a conversion that repeats an order, among the acts of a visitor.
REPEAT = "repeat"
SUMS = (
    "visitors",
    "clicking_visitors",
    "converting_visitors",
    "value_sum",
    "value_sum_squares",
    "capped_visitors",
    "click_sum",
    "click_sum_squares",
    "conversion_sum",
    "conversion_sum_squares",
    "value_click_product_sum",
    "repeated_orders",
    "covariate_sum",
    "covariate_sum_squares",
    "covariate_product_sum",
    "covariate_click_product_sum",
    *LEFT_OUT,
)


def rollups_of(events: Table, query: ExperimentQuery) -> Table:
    """Return a row a variant, day, phase and segment with the amounts of a rollup.

    The segment is empty for all visitors, or such as `device=mobile`.
    """
    visitors = _visitors(_site_events(events, query), query)
    cells = visitors.group_by(*CELL, *ATTRIBUTES).aggregate(**_sums(visitors, query))
    return _by_segment(cells)


def goal_rollups_of(events: Table, query: ExperimentQuery) -> Table:
    """Return a row a variant, day, phase and goal of a guardrail, with what its visitors did."""
    reached = _reached(events, query, query.guardrail_goals)
    reached = reached.mutate(value=reached.value.fill_null(_zero()))
    totals = reached.group_by(*CELL, "goal", "visitor").aggregate(
        value=_total(reached.value), conversions=reached.count()
    )
    clicked = _clicks_of_visitors(events, query)
    totals = totals.left_join(clicked, "visitor")
    is_own = totals.goal == query.goal
    totals = totals.select(
        *CELL,
        "goal",
        "conversions",
        value=is_own.ifelse(_capped(totals.value, query), totals.value),
        clicks=totals.clicks.fill_null(0).cast("int64"),
    )
    return totals.group_by(*CELL, "goal").aggregate(
        converting_visitors=totals.count(),
        value_sum=totals.value.sum(),
        value_sum_squares=_product(totals.value, totals.value).sum(),
        conversion_sum=totals.conversions.sum(),
        conversion_sum_squares=(totals.conversions * totals.conversions).sum(),
        value_click_product_sum=_product(totals.value, totals.clicks).sum(),
    )


def currency_rollups_of(events: Table, query: ExperimentQuery) -> Table:
    """Return a row a variant, day, phase, goal of values and currency, with its conversions."""
    reached = _reached(events, query, query.value_goals)
    reached = reached.filter(reached.value.notnull())
    return reached.group_by(*CELL, "goal", CURRENCY).aggregate(conversions=reached.count())


def _reached(events: Table, query: ExperimentQuery, goals: tuple[str, ...]) -> Table:
    """Return the conversions to these goals that count, each with the cell of its visitor."""
    rows = _site_events(events, query)
    exposures = _first_exposures(rows, query)
    exposures = exposures.filter(exposures.exclusion == 0)
    reached = _conversions(rows, goals)
    reached = reached.select("visitor", "goal", "occurred_at", "value", CURRENCY).join(
        exposures.select("visitor", *CELL, "exposed_at"), "visitor"
    )
    return reached.filter(_counts(reached, query))


def _clicks_of_visitors(events: Table, query: ExperimentQuery) -> Table:
    """Return how often each visitor clicked within the window; those who did not are left out."""
    rows = _site_events(events, query)
    clicks = _clicks(rows)
    clicks = clicks.filter(clicks.experiment == query.experiment).select("visitor", "occurred_at")
    clicks = clicks.join(_first_exposures(rows, query).select("visitor", "exposed_at"), "visitor")
    clicks = clicks.filter(_counts(clicks, query))
    return clicks.group_by("visitor").aggregate(clicks=clicks.count())


def _site_events(events: Table, query: ExperimentQuery) -> Table:
    """Return the site's events with the columns and types of the layout."""
    rows = events.filter(events.site == query.site)
    currency = rows[CURRENCY].cast("string") if CURRENCY in rows.columns else ibis.null("string")
    table = rows.select(
        **{name: rows[name].cast(kind) for name, kind in COLUMNS.items()},
        **{CURRENCY: currency.fill_null("")},
        **{name: _later_flag(rows, name) for name in LATER_FLAGS},
    )
    # Prefetched, claimed by a stranger, of a burst or too late to be shown: it has not happened.
    is_doubtful = table.is_prefetched | table.is_unexplained | table.is_burst
    return table.mutate(is_unreal=is_doubtful | table.is_late)


def _later_flag(rows: Table, name: str) -> Value:
    if name not in rows.columns:
        return ibis.literal(False)  # noqa: FBT003  Ibis's own signature
    return rows[name].cast("boolean").fill_null(False)  # noqa: FBT003


def _first_exposures(rows: Table, query: ExperimentQuery) -> Table:
    """Return each visitor's first exposure, time of the first sign and reason for exclusion."""
    events = _exposures_and_clicks(rows, query)
    visitor = ibis.window(group_by=events.visitor)
    in_time = ibis.window(group_by=events.visitor, order_by=[events.is_click, *_time(events)])
    events = events.mutate(
        place=ibis.row_number().over(in_time),
        seen_at=events.occurred_at.min().over(visitor),
        has_bot=_number(events.is_bot).max().over(visitor),
        has_internal=_number(events.is_internal).max().over(visitor),
        has_unexplained=_number(events.is_unexplained).max().over(visitor),
        has_burst=_number(events.is_burst).max().over(visitor),
        # A click implies that its arm was seen, even if the exposure was lost.
        has_several=events.variant.min().over(visitor) != events.variant.max().over(visitor),
        clicked_at=events.is_click.ifelse(events.occurred_at, ibis.null()).min().over(visitor),
    )
    first = events.filter((events.place == 0) & ~events.is_click)
    return first.select(
        "visitor",
        "variant",
        "seen_at",
        *ATTRIBUTES,
        exposed_at=first.occurred_at,
        day=_day(first.occurred_at, query),
        # Exposures of the first phase name none.
        phase=first.phase.cast("int64").fill_null(0),
        exclusion=_exclusion(first),
    )


def _day(moment: Value, query: ExperimentQuery) -> Value:
    """Return the day in the experiment's time zone; engines differ in zones, not in offsets."""
    days = [_shifted(moment, one.shift).date() for one in query.offsets]
    ends = [moment < ibis.literal(one.since, MOMENT) for one in query.offsets[1:]]
    return ibis.cases(*zip(ends, days[:-1], strict=True), else_=days[-1]) if ends else days[0]


def _shifted(moment: Value, shift: timedelta) -> Value:
    seconds = int(shift.total_seconds())
    if seconds < 0:
        return moment - ibis.interval(seconds=-seconds)
    return moment + ibis.interval(seconds=seconds) if seconds else moment


def _exposures_and_clicks(rows: Table, query: ExperimentQuery) -> Table:
    """Return exposures and clicks; unreal ones only for visitors without a real exposure."""
    events = rows.filter(
        (rows.experiment == query.experiment) & rows.type.isin(["exposure", "click"])
    )
    events = events.mutate(is_click=events.type == "click")
    is_real = _number(~events.is_click & ~events.is_unreal)
    events = events.mutate(was_seen=is_real.max().over(ibis.window(group_by=events.visitor)) > 0)
    return events.filter(~events.is_unreal | ~events.was_seen)


def _exclusion(first: Table) -> Value:
    """Return the number of the first reason in LEFT_OUT that applies, 0 for counted visitors."""
    too_early = first.clicked_at < first.occurred_at - _tolerance()
    reasons = (
        first.has_bot > 0,
        first.has_internal > 0,
        first.has_unexplained > 0,
        first.has_burst > 0,
        first.is_late,
        first.has_several,
        first.is_prefetched,
        too_early.fill_null(False),  # noqa: FBT003  Ibis's own signature
    )
    return ibis.cases(*((reason, place) for place, reason in enumerate(reasons, 1)), else_=0)


def _time(rows: Table) -> tuple[Value, Value]:
    """Return the order of events: by their own time, and at equal times by their ids."""
    return rows.occurred_at, rows.event_id


def _visitors(rows: Table, query: ExperimentQuery) -> Table:
    """Return the amounts of each exposed visitor: a row a visitor."""
    first = _first_exposures(rows, query)
    clicks = _clicks(rows)
    conversions = _conversions(rows, (query.goal,))
    conversions = conversions.mutate(value=conversions.value.fill_null(_zero()))
    repeats = _repeats(rows, query)
    names = ("visitor", "type", "experiment", "occurred_at")
    acts = ibis.union(
        clicks.select(*names, value=_zero()),
        conversions.select(*names, "value"),
        repeats.select(*names, value=_zero()),
    )
    acts = acts.join(first.select("visitor", "exposed_at", "seen_at"), "visitor")
    totals = _acts_of_visitors(acts, query)
    outcomes = first.left_join(totals, "visitor")
    return outcomes.select(
        *CELL,
        *ATTRIBUTES,
        "exclusion",
        *(outcomes[name].fill_null(0).name(name) for name in ("has_clicked", *COUNTED)),
        *(outcomes[name].fill_null(_zero()).name(name) for name in ("value", "covariate")),
    )


def _acts_of_visitors(acts: Table, query: ExperimentQuery) -> Table:
    is_click = acts.type == "click"
    in_window = _counts(acts, query)
    is_conversion = acts.type == "conversion"
    counts = is_conversion & in_window
    own_click = is_click & (acts.experiment == query.experiment)
    before = (acts.occurred_at < acts.seen_at - _tolerance()) & (
        acts.occurred_at >= acts.seen_at - ibis.interval(days=PRE_PERIOD.days)
    )
    return acts.group_by("visitor").aggregate(
        has_clicked=_number(own_click & (acts.occurred_at >= acts.exposed_at)).max(),
        clicks=_number(own_click & in_window).sum(),
        conversions=_number(counts).sum(),
        repeated_orders=_number((acts.type == REPEAT) & in_window).sum(),
        value=_total(counts.ifelse(acts.value, _zero())),
        covariate=_covariate(acts, before, query),
    )


def _covariate(acts: Table, before: Value, query: ExperimentQuery) -> Value:
    """Return the primary metric of the pre-period; clicks count anywhere on the site."""
    is_conversion = before & (acts.type == "conversion")
    return {
        "click_rate": _number(before & (acts.type == "click")).max().cast(WIDE),
        "conversion_rate": _number(is_conversion).max().cast(WIDE),
        "conversions_per_visitor": _number(is_conversion).sum().cast(WIDE),
    }.get(query.metric, _capped(_total(is_conversion.ifelse(acts.value, _zero())), query))


def _conversions(rows: Table, goals: tuple[str, ...]) -> Table:
    """Return the conversions to these goals, each id and order once: the first that arrived."""
    reached = (rows.type == "conversion") & rows.goal.isin(goals)
    return _first_copies(rows.filter(reached & ~rows.is_unreal & ~rows.is_repeated))


def _repeats(rows: Table, query: ExperimentQuery) -> Table:
    """Return what repeats an order of a goal that is counted, each id once, as acts of a type."""
    goals = (query.goal, *query.guardrail_goals)
    reached = (rows.type == "conversion") & rows.goal.isin(goals)
    repeats = _first_copies(rows.filter(reached & ~rows.is_unreal & rows.is_repeated))
    return repeats.mutate(type=ibis.literal(REPEAT))


def _clicks(rows: Table) -> Table:
    """Return the clicks on any CTA of the site, each id once."""
    return _first_copies(rows.filter((rows.type == "click") & ~rows.is_unreal))


def _first_copies(rows: Table) -> Table:
    copies = ibis.window(group_by=rows.event_id, order_by=rows.received_at)
    rows = rows.mutate(copy=ibis.row_number().over(copies))
    return rows.filter(rows.copy == 0)


def _counts(acts: Table, query: ExperimentQuery) -> Value:
    """Return whether an act lies in the window after the first exposure, before the end."""
    window = ibis.interval(hours=query.window_hours)
    since = (acts.occurred_at >= acts.exposed_at) & (acts.occurred_at <= acts.exposed_at + window)
    if query.stopped_at is None:
        return since
    return since & (acts.occurred_at <= ibis.literal(query.stopped_at, MOMENT))


def _sums(visitors: Table, query: ExperimentQuery) -> dict[str, Value]:
    is_counted = visitors.exclusion == 0
    clicked, converted = visitors.has_clicked > 0, visitors.conversions > 0
    clicks, conversions, repeated = (
        is_counted.ifelse(visitors[name].cast("int64"), ibis.literal(0, "int64"))
        for name in COUNTED
    )
    worth = _capped(visitors.value, query)
    value = is_counted.ifelse(worth, _zero())
    covariate = is_counted.ifelse(visitors.covariate, _zero())
    outcome = {
        "click_rate": _number(clicked).cast(NARROW),
        "conversion_rate": _number(converted).cast(NARROW),
        "conversions_per_visitor": visitors.conversions.cast(NARROW),
    }.get(query.metric, worth)
    amounts = (
        _number(is_counted),
        _number(is_counted & clicked),
        _number(is_counted & converted),
        value,
        _product(value, value),
        _number(is_counted & (worth < visitors.value)),
        clicks,
        clicks * clicks,
        conversions,
        conversions * conversions,
        _product(value, clicks),
        repeated,
        covariate,
        _product(covariate, covariate),
        _product(covariate, outcome),
        _product(covariate, clicks),
        *(_number(visitors.exclusion == place) for place in range(1, len(LEFT_OUT) + 1)),
    )
    return {name: amount.sum() for name, amount in zip(SUMS, amounts, strict=True)}


def _by_segment(cells: Table) -> Table:
    """Count each cell once for everybody and once in every segment that it names."""
    copies = cells.mutate(attribute=ibis.array(["", *ATTRIBUTES]).unnest())
    texts = [
        (copies.attribute == name, ibis.literal(f"{name}=") + copies[name]) for name in ATTRIBUTES
    ]
    segments = copies.mutate(segment=ibis.cases(*texts, else_=""))
    segments = segments.filter(segments.segment.notnull())
    sums = {name: segments[name].sum() for name in SUMS}
    return segments.group_by(*CELL, "segment").aggregate(**sums)


def _number(condition: Value) -> Value:
    """Return 1 or 0; PostgreSQL does not cast a boolean to a bigint."""
    return condition.ifelse(ibis.literal(1, "int64"), ibis.literal(0, "int64"))


def _total(values: Value) -> Value:
    return values.sum().cast(WIDE)


def _capped(value: Value, query: ExperimentQuery) -> Value:
    if query.value_cap is None:
        return value
    # Not cast: ClickHouse takes no literal without a precision.
    return ibis.least(value, ibis.literal(query.value_cap, WIDE)).cast(WIDE)


def _product(left: Value, right: Value) -> Value:
    return (left.cast(WIDE) * right.cast(NARROW)).cast(PRODUCT)


def _tolerance() -> Value:
    """Return by how much the clocks that date events may differ."""
    return ibis.interval(minutes=MAX_AHEAD.seconds // 60)


def _zero() -> Value:
    return ibis.literal(0).cast(WIDE)
