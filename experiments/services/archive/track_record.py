"""Track record of a site: win rate of its tests, their lifts raw and shrunken, shipped gains."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import fmean

import scipy

from experiments.models import PastTest
from experiments.services.archive.contrasts import new_wordings_of
from experiments.stats.meta_analysis.partial_pooling import pool_partially

# Borders of the groups of lifts, as ratios: -0.1 is -10 %.
BORDERS = (-0.1, -0.02, 0.02, 0.1, 0.25)
DECIDED = (PastTest.Verdict.WINNER, PastTest.Verdict.CONTROL, PastTest.Verdict.INCONCLUSIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftGroup:
    """Tests with a lift between two borders; None stands for no border."""

    low: float | None
    high: float | None
    n_raw: int
    n_shrunken: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRecord:
    """What the finished experiments of a site brought.

    Attributes:
        n_decided: Tests with a decision other than "invalid".
        n_won: Those with a winner.
        win_rate: Their share; None without a decision.
        win_interval: 95 % credible interval of it, with Jeffreys's prior.
        groups: Tests by the lift of their new wordings.
        mean_lift: Mean of those lifts, as measured; None without one.
        mean_shrunken: The same mean, each lift shrunken by what all tests of the site show.
        n_shipped: Tests whose winner is shown to everybody.
        shipped: Sum of their lifts, as measured.
        shipped_shrunken: The same sum, each lift shrunken by what all tests show.
    """

    n_decided: int
    n_won: int
    win_rate: float | None
    win_interval: tuple[float, float] | None
    groups: tuple[LiftGroup, ...]
    mean_lift: float | None
    mean_shrunken: float | None
    n_shipped: int
    shipped: float | None
    shipped_shrunken: float | None

    @property
    def has_lifts(self) -> bool:
        """Return whether any test compares new wordings with a control."""
        return any(group.n_raw for group in self.groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lift:
    is_shipped: bool
    raw: float
    shrunken: float


def track_record(past_tests: Sequence[PastTest]) -> TrackRecord:
    """Return the track record of a site; imported tests have no control and do not count.

    Args:
        past_tests: Past tests of the site, without suspect ones.
    """
    (record,) = track_records(past_tests, [{test.pk for test in past_tests}])
    return record


def track_records(
    past_tests: Sequence[PastTest], parts: Iterable[Collection[int]]
) -> list[TrackRecord]:
    """Return the track records of parts of a site's tests, whose lifts are all pooled together.

    Args:
        past_tests: Past tests of the site, without suspect ones.
        parts: Keys of the past tests of each part; a test may be in several.
    """
    tests = [test for test in past_tests if test.source == PastTest.Source.EXPERIMENT]
    lifts = _lifts(tests)
    return [_record([test for test in tests if test.pk in part], lifts) for part in parts]


def _record(tests: Sequence[PastTest], lifts_of_all: Mapping[int, "_Lift"]) -> TrackRecord:
    decided = [test for test in tests if test.verdict in DECIDED]
    won = [test for test in decided if test.verdict == PastTest.Verdict.WINNER]
    lifts = [lifts_of_all[test.pk] for test in tests if test.pk in lifts_of_all]
    shipped = [lift for lift in lifts if lift.is_shipped]
    return TrackRecord(
        n_decided=len(decided),
        n_won=len(won),
        win_rate=len(won) / len(decided) if decided else None,
        win_interval=_jeffreys(len(won), len(decided)) if decided else None,
        groups=_groups(lifts),
        mean_lift=fmean(lift.raw for lift in lifts) if lifts else None,
        mean_shrunken=fmean(lift.shrunken for lift in lifts) if lifts else None,
        n_shipped=len(shipped),
        shipped=sum(lift.raw for lift in shipped) if shipped else None,
        shipped_shrunken=sum(lift.shrunken for lift in shipped) if shipped else None,
    )


def _lifts(tests: Sequence[PastTest]) -> dict[int, _Lift]:
    """Return the lift of the new wordings of each test, raw and pooled with all the others.

    By the key of the test; one without a control or a result has none.
    """
    measured = [(test, new_wordings_of(test.arms)) for test in tests]
    known = [(test, contrast) for test, contrast in measured if contrast is not None]
    logs = [contrast.log for _test, contrast in known]
    # One test has no others to be pooled with.
    pooled = (
        [belief.mean for belief in pool_partially(logs, [one.se for _, one in known]).effects]
        if len(known) > 1
        else logs
    )
    return {
        test.pk: _Lift(
            is_shipped=test.is_shipped, raw=math.expm1(log), shrunken=math.expm1(shrunken)
        )
        for (test, _), log, shrunken in zip(known, logs, pooled, strict=True)
    }


def _jeffreys(successes: int, trials: int) -> tuple[float, float]:
    """Source: Brown, Cai and DasGupta (2001), "Interval estimation for a binomial proportion"."""
    belief = scipy.stats.beta(successes + 0.5, trials - successes + 0.5)
    low = 0.0 if successes == 0 else float(belief.ppf(0.025))
    return low, 1.0 if successes == trials else float(belief.ppf(0.975))


def _groups(lifts: Sequence[_Lift]) -> tuple[LiftGroup, ...]:
    ends = (None, *BORDERS, None)
    return tuple(
        LiftGroup(
            low=low,
            high=high,
            n_raw=sum(_is_between(lift.raw, low, high) for lift in lifts),
            n_shrunken=sum(_is_between(lift.shrunken, low, high) for lift in lifts),
        )
        for low, high in pairwise(ends)
    )


def _is_between(lift: float, low: float | None, high: float | None) -> bool:
    return (low is None or lift >= low) and (high is None or lift < high)
