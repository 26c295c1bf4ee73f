"""Simulated past tests: counts drawn from the click rates that the demo's data file states."""

import math
import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from ml.history.row import HistoryRow

# Part of every simulated test's key, so that no export can lose it.
PREFIX = "simulated:"
WEEK = timedelta(weeks=1)
# No wording makes everybody click.
LARGEST_RATE = 0.9


def simulated_history(path: Path) -> Iterator[HistoryRow]:
    """Yield one row a wording; the same file gives the same rows."""
    content = tomllib.loads(path.read_text())
    settings, effects = content["simulation"], content["effects"]
    rng = np.random.default_rng(settings["seed"])
    fewest, most = settings["visitors"]
    ended_on: date = settings["first_ended_on"]
    for test in content["tests"]:
        visitors = int(rng.integers(fewest, most + 1))
        for text, *labels in test["wordings"]:
            rate = click_rate(test["rate"], labels, effects, noise=rng.normal(0, settings["noise"]))
            clicks = int(rng.binomial(visitors, rate))
            yield _row(test, text, visitors=visitors, clicks=clicks, ended_on=ended_on)
        ended_on += WEEK


def click_rate(
    rate: float, labels: list[str], effects: Mapping[str, float], *, noise: float
) -> float:
    """Return the true click rate of a wording: effects add on the logarithm."""
    return min(rate * math.exp(sum(effects[label] for label in labels) + noise), LARGEST_RATE)


def _row(
    test: Mapping[str, Any], text: str, *, visitors: int, clicks: int, ended_on: date
) -> HistoryRow:
    return HistoryRow(
        test=PREFIX + test["key"],
        context="",
        text=text,
        visitors=visitors,
        clicks=clicks,
        audience=test["audience"],
        locale=test["locale"],
        form=test.get("form", "button"),
        placement=test["placement"],
        ended_on=ended_on,
    )
