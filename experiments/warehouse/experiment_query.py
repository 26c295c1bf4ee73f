"""Query of an event table for one experiment, given by keys instead of database rows."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class ExperimentQuery:
    """The experiment whose sums are wanted.

    `metric` is that of `Experiment.Metric`, such as `value_per_click`; conversions count for
    `window_hours` after the first exposure, and until `stopped_at`, if that is given.
    `guardrail_goals` are counted beside the own `goal`, and the currencies of `value_goals`. What
    a visitor is worth towards the own goal counts up to `value_cap`.
    """

    site: str
    experiment: str
    metric: str
    goal: str = ""
    guardrail_goals: tuple[str, ...] = ()
    value_goals: tuple[str, ...] = ()
    value_cap: Decimal | None = None
    window_hours: int = 72
    stopped_at: datetime | None = None
