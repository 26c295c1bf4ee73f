"""Promotion gate: only a strategy shown to beat every simpler one is served.

Transfer can hurt. A head on a pretrained encoder may rank worse than plain words, or than no text
at all, where the encoder's language or the source's audience is not the target's. The gate
compares on held-out contrast groups, names such negative transfer, and falls back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.bootstrap import CHUNK, N_DRAWS, Estimate, GroupSums, interval, resample, total
from ml.evaluation.metrics import calibration_error, mean_log_loss

# Both ends of a 90 % interval: a useless candidate passes one comparison once in twenty.
LEVEL = 0.90
MAX_EXTRA_CALIBRATION_ERROR = 0.01

RejectionReason = Literal["log_loss_not_better", "calibration_worse"]
Transfer = Literal["none", "suspected", "detected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A strategy before the gate.

    Args:
        name: Key of the strategy.
        is_transfer: It starts from a pretrained model.
        sums: Its held-out sums by group, from `ml.evaluation.metrics.group_sums`; the same
            groups for every candidate.
    """

    name: str
    is_transfer: bool
    sums: GroupSums


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison:
    """A candidate against a simpler strategy on the same groups.

    Args:
        against: Key of the simpler strategy.
        gain: Its log loss less the candidate's, with a 90 % paired-bootstrap interval.
        extra_calibration_error: The candidate's expected calibration error less its own, with
            a 90 % interval; its lower end is what noise does not explain.
        reasons: Reasons for failing against it; empty if the candidate passes.
    """

    against: str
    gain: Estimate
    extra_calibration_error: Estimate
    reasons: tuple[RejectionReason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateVerdict:
    """Verdict of the gate on one candidate.

    Args:
        name: Key of the strategy.
        passed: It beats every simpler strategy.
        comparisons: One for each simpler strategy, simplest first.
        negative_transfer: `detected` when a pretrained candidate is worse than a simpler
            strategy beyond the interval, `suspected` when it is worse but within it.
    """

    name: str
    passed: bool
    comparisons: tuple[PairedComparison, ...]
    negative_transfer: Transfer


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The outcome of the gate.

    Args:
        served: Key of the strategy to serve; None for "no prediction".
        verdicts: One for each candidate but the simplest, in order.
    """

    served: str | None
    verdicts: tuple[GateVerdict, ...]


def decide(candidates: Sequence[Candidate], *, seed: int) -> GateDecision:
    """Return which strategy to serve: the last candidate that beats all before it.

    A candidate passes when, against each simpler one, the lower end of the 90 % interval of its
    log-loss gain is above 0, and its calibration error is not larger by more than 0.01 beyond
    what noise explains. Measured on few pairs, the calibration error of true probabilities is
    large by noise alone, and that of "no text", which predicts 1/2 for all, is 0 by construction;
    the log loss punishes wrong probabilities at any size.

    Args:
        candidates: From the simplest, which is never served, to the most complex.
        seed: Seed of the bootstrap draws.

    Raises:
        ValueError: If `candidates` is empty.

    >>> decide([], seed=1)
    Traceback (most recent call last):
    ...
    ValueError: candidates: there are none
    """
    if not candidates:
        raise ValueError("candidates: there are none")
    draws = [_Draws.of(candidate, seed) for candidate in candidates]
    verdicts = tuple(
        _judge(candidate, draws[at], list(zip(candidates[:at], draws[:at], strict=True)))
        for at, candidate in enumerate(candidates)
        if at
    )
    passed = [verdict.name for verdict in verdicts if verdict.passed]
    return GateDecision(served=passed[-1] if passed else None, verdicts=verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draws:
    """Figures of one candidate: on the data as they are, then on every draw.

    `error` is the calibration error; its draws are what noise alone makes of it, see `_noise`.
    """

    loss: NDArray[np.float64]
    error: NDArray[np.float64]

    @classmethod
    def of(cls, candidate: Candidate, seed: int) -> "_Draws":
        sums, whole = candidate.sums, total(candidate.sums)
        # One seed for every candidate, so that all comparisons are paired.
        drawn = resample(
            {"loss": sums["loss"], "pairs": sums["pairs"]}, rng=np.random.default_rng(seed)
        )
        with np.errstate(invalid="ignore"):  # no decided pairs: NaN, and nothing passes
            noise = _noise(sums, np.random.default_rng(seed))
            return cls(
                loss=np.concatenate([mean_log_loss(whole), mean_log_loss(drawn)]),
                error=np.concatenate([calibration_error(whole), noise]),
            )


def _noise(sums: GroupSums, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return draws of the calibration error that true probabilities would have.

    What a group's pairs won beyond what was said gets a random sign, the same for all its bins:
    on average nothing is left but noise, which keeps its size and its dependence inside groups.

    Source: wild cluster bootstrap, Cameron, Gelbach and Miller (2008), Review of Economics and
    Statistics 90(3), with Rademacher weights.
    """
    surplus = sums["bin_won"] - sums["bin_said"]
    gaps = [
        np.abs(rng.choice([-1.0, 1.0], size=(CHUNK, len(surplus))) @ surplus).sum(axis=1)
        for _ in range(N_DRAWS // CHUNK)
    ]
    return np.asarray(np.concatenate(gaps) / sums["bin_size"].sum())


def _judge(
    candidate: Candidate, draws: _Draws, simpler: Sequence[tuple[Candidate, _Draws]]
) -> GateVerdict:
    comparisons = tuple(_compare(draws, other, its_draws) for other, its_draws in simpler)
    return GateVerdict(
        name=candidate.name,
        passed=not any(comparison.reasons for comparison in comparisons),
        comparisons=comparisons,
        negative_transfer=_transfer(comparisons) if candidate.is_transfer else "none",
    )


def _compare(draws: _Draws, other: Candidate, its_draws: _Draws) -> PairedComparison:
    loss, error = its_draws.loss - draws.loss, draws.error - its_draws.error
    gain = interval(float(loss[0]), loss[1:], level=LEVEL)
    # What was measured less what noise makes of it.
    extra = interval(float(error[0]), error[0] - error[1:], level=LEVEL)
    reasons: list[RejectionReason] = []
    if gain.low is None or gain.low <= 0:
        reasons.append("log_loss_not_better")
    if extra.low is None or extra.low > MAX_EXTRA_CALIBRATION_ERROR:
        reasons.append("calibration_worse")
    return PairedComparison(
        against=other.name, gain=gain, extra_calibration_error=extra, reasons=tuple(reasons)
    )


def _transfer(comparisons: Sequence[PairedComparison]) -> Transfer:
    gains = [comparison.gain for comparison in comparisons]
    if any(gain.high is not None and gain.high < 0 for gain in gains):
        return "detected"
    if any(gain.value is not None and gain.value < 0 for gain in gains):
        return "suspected"
    return "none"
