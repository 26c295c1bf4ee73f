"""An experiment of each metric and kind of analysis, with counts."""

from datetime import timedelta

from experiments.models import Experiment
from tests import factories
from tests.factories import NOW

Metric = Experiment.Metric
SUMS = {
    "clicking_visitors": (300, 360, 330),
    "converting_visitors": (100, 130, 90),
    "value_sum": (5_000, 6_900, 4_400),
    "value_sum_squares": (300_000, 420_000, 240_000),
    "click_sum": (400, 470, 430),
    "click_sum_squares": (700, 800, 720),
    "conversion_sum": (120, 160, 100),
    "conversion_sum_squares": (180, 240, 130),
    "value_click_product_sum": (8_000, 10_500, 7_000),
}
PAST = {"covariate_sum": 400, "covariate_sum_squares": 400, "covariate_product_sum": 150}
# Metric, plan, more sums and phases of the shares.
KINDS = {
    "clicks": (Metric.CLICK_RATE, {}, {}, ()),
    "clicks-fixed": (
        Metric.CLICK_RATE,
        {"plan": Experiment.Plan.FIXED, "planned_visitors": 18_000},
        {},
        (),
    ),
    "clicks-cuped": (Metric.CLICK_RATE, {}, PAST, ()),
    "value-cuped": (Metric.VALUE_PER_VISITOR, {}, PAST, ()),
    "value-per-click-cuped": (
        Metric.VALUE_PER_CLICK, {}, PAST | {"covariate_click_product_sum": 90}, (),
    ),
    "clicks-phases": (
        Metric.CLICK_RATE, {}, {}, (([0.4, 0.3, 0.3], 1.0), ([0.2, 0.4, 0.4], 1.0)),
    ),
    "conversions": (Metric.CONVERSION_RATE, {}, {}, ()),
    "value": (Metric.VALUE_PER_VISITOR, {}, {}, ()),
    "value-per-click": (Metric.VALUE_PER_CLICK, {}, {}, ()),
    "orders": (Metric.CONVERSIONS_PER_VISITOR, {}, {}, ()),
}  # fmt: skip
PHASES = (([0.4, 0.3, 0.3], 1.0), ([0.2, 0.4, 0.4], 1.0))
PLANNED = {"planned_visitors": 30_000}
FEW = {"clicking_visitors": (6, 14, 9)}
# Readings of other parts of the statistics: the plan's line, its end and after it, few clicks.
HARD_KINDS = {
    "clicks-planned": (Metric.CLICK_RATE, PLANNED, {}, ()),
    "clicks-planned-end": (Metric.CLICK_RATE, {"planned_visitors": 18_000}, {}, ()),
    "clicks-planned-past": (Metric.CLICK_RATE, {"planned_visitors": 9_000}, {}, ()),
    "clicks-planned-phases": (Metric.CLICK_RATE, PLANNED, {}, PHASES),
    "clicks-fixed-phases": (
        Metric.CLICK_RATE, {"plan": Experiment.Plan.FIXED, "planned_visitors": 18_000}, {}, PHASES,
    ),
    "clicks-cuped-phases": (Metric.CLICK_RATE, PLANNED, PAST, PHASES),
    "clicks-few": (Metric.CLICK_RATE, {}, FEW, ()),
    "clicks-few-planned": (Metric.CLICK_RATE, PLANNED, FEW, ()),
    "clicks-few-phases": (Metric.CLICK_RATE, PLANNED, FEW, PHASES),
    "value-planned": (Metric.VALUE_PER_VISITOR, {"planned_visitors": 18_000}, {}, ()),
    "value-cuped-phases": (Metric.VALUE_PER_VISITOR, {}, PAST, PHASES),
    "value-per-click-planned-phases": (
        Metric.VALUE_PER_CLICK, PLANNED, PAST | {"covariate_click_product_sum": 90}, PHASES,
    ),
}  # fmt: skip


def make_counted(slot, kind):
    """An experiment of three arms and two days, in two phases where its shares changed."""
    metric, changes, more, courses = (KINDS | HARD_KINDS)[kind]
    goal = "" if metric == Metric.CLICK_RATE else "order"
    experiment = factories.make_running_experiment(
        slot, kind, shares={"control": "0.4", "b": "0.3", "c": "0.3"}, primary_metric=metric,
        goal=goal, **changes,
    )  # fmt: skip
    if courses:
        factories.make_phases(experiment, *courses)
    for back in (2, 1):
        day = (NOW - timedelta(days=back)).date()
        for index, arm in enumerate(experiment.variants.order_by("arm")):
            sums = {
                name: values[index] if isinstance(values, tuple) else values
                for name, values in (SUMS | more).items()
            }
            phase = 2 - back if courses else 0
            # In the shares of the phase, so that the split is as configured.
            visitors = ((4_000, 3_000, 3_000), (2_000, 4_000, 4_000))[phase][index]
            factories.make_rollup(arm, visitors=visitors, day=day, phase=phase, **sums)
    return experiment
