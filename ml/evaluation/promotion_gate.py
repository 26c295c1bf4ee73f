"""Promotion gate: only a strategy shown to beat every simpler one is served, and shown twice.

Transfer can hurt. A head on a pretrained encoder may rank worse than plain words, or than no text
at all, where the encoder's language or the source's audience is not the target's. The gate
compares on held-out contrast groups, names such negative transfer, and falls back.

Folds on which settings were chosen flatter the settings chosen. A candidate that passes on them
must therefore win again: on later tests that no choice has seen or, without them, when the choice
itself is held out (nested).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.evaluation.bootstrap import CHUNK, N_DRAWS, Estimate, GroupSums, interval, resample, total
from ml.evaluation.confirmation import FoldLosses, nested_loss
from ml.evaluation.metrics import calibration_error, mean_log_loss

# Both ends of a 90 % interval: a useless candidate passes one comparison once in twenty.
LEVEL = 0.90
MAX_EXTRA_CALIBRATION_ERROR = 0.01

RejectionReason = Literal["log_loss_not_better", "calibration_worse"]
Transfer = Literal["none", "suspected", "detected"]
# Tests that confirm what folds say.
ConfirmedBy = Literal["later", "nested", "nothing"]
UNDEFINED = Estimate(value=None, low=None, high=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A strategy before the gate.

    Args:
        name: Key of the strategy.
        is_transfer: It starts from a pretrained model.
        sums: Its held-out sums by group, from `ml.evaluation.metrics.group_sums`; the same
            groups for every candidate.
        later: The same on later tests, which no choice has seen; None without them.
        repeats: Losses on `sums`' groups with their folds, one for each repeat, for a nested
            comparison in the absence of later tests; empty for none.
    """

    name: str
    is_transfer: bool
    sums: GroupSums
    later: GroupSums | None = None
    repeats: tuple[FoldLosses, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PairedComparison:
    """A candidate against a simpler strategy on the same groups.

    Args:
        against: Key of the simpler strategy.
        gain: Its log loss less the candidate's, with a 90 % paired-bootstrap interval.
        extra_calibration_error: The candidate's expected calibration error less its own, with
            a 90 % interval; its lower end is what noise does not explain. Undefined in a nested
            comparison.
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
        passed: It beats every simpler strategy, on folds and where that is confirmed.
        comparisons: One on folds for each simpler strategy, simplest first.
        negative_transfer: `detected` when a pretrained candidate is worse than a simpler
            strategy beyond the interval, `suspected` when it is worse but within it.
        on_folds: It beats every simpler strategy on folds.
        confirming: One for each simpler strategy on later tests, or nested; empty for neither.
    """

    name: str
    passed: bool
    comparisons: tuple[PairedComparison, ...]
    negative_transfer: Transfer
    on_folds: bool
    confirming: tuple[PairedComparison, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDecision:
    """The outcome of the gate.

    Args:
        served: Key of the strategy to serve; None for "no prediction".
        verdicts: One for each candidate but the simplest, in order.
        confirmed_by: Tests on which a candidate must win again.
        best_on_folds: Key of the strategy that folds alone would serve; None for none. Where it is
            not `served`, the two kinds of tests disagree.
    """

    served: str | None
    verdicts: tuple[GateVerdict, ...]
    confirmed_by: ConfirmedBy
    best_on_folds: str | None


def decide(candidates: Sequence[Candidate], *, seed: int) -> GateDecision:
    """Return which strategy to serve: the last candidate that beats all before it.

    A candidate passes when, against each simpler one, the lower end of the 90 % interval of its
    log-loss gain is above 0, and its calibration error is not larger by more than 0.01 beyond
    what noise explains. Measured on few pairs, the calibration error of true probabilities is
    large by noise alone, and that of "no text", which predicts 1/2 for all, is 0 by construction;
    the log loss punishes wrong probabilities at any size.

    If the candidates have been judged on later tests, it must pass there in the same way. Without
    them it must pass when the choice among all candidates up to it is held out, too: on each fold
    the one counts that did best on the other folds. A candidate tuned on noise passes neither.

    Args:
        candidates: From the simplest, which is never served, to the most complex.
        seed: Seed of the bootstrap draws.

    Raises:
        ValueError: If `candidates` is empty.

    Source: nested choice from pooled out-of-sample predictions: Tsamardinos, Greasidou and
    Borboudakis (2018), "Bootstrapping the out-of-sample predictions for efficient and accurate
    cross-validation", Machine Learning 107.

    >>> decide([], seed=1)
    Traceback (most recent call last):
    ...
    ValueError: candidates: there are none
    """
    if not candidates:
        raise ValueError("candidates: there are none")
    on_folds = _compare_all(candidates, [each.sums for each in candidates], seed)
    confirmed_by, confirming = _confirm(candidates, seed)
    verdicts = tuple(
        _judge(candidate, comparisons, again, is_later=confirmed_by == "later")
        for candidate, comparisons, again in zip(candidates[1:], on_folds, confirming, strict=True)
    )
    passed = [verdict.name for verdict in verdicts if verdict.passed]
    best = [verdict.name for verdict in verdicts if verdict.on_folds]
    return GateDecision(
        served=passed[-1] if passed else None,
        verdicts=verdicts,
        confirmed_by=confirmed_by,
        best_on_folds=best[-1] if best else None,
    )


_Comparisons = list[tuple[PairedComparison, ...]]


def _compare_all(
    candidates: Sequence[Candidate], sums: Sequence[GroupSums], seed: int
) -> _Comparisons:
    """Return the comparisons of each candidate but the simplest with all simpler ones."""
    draws = [_Draws.of(each, seed) for each in sums]
    return [
        tuple(_compare(draws[at], candidates[other].name, draws[other]) for other in range(at))
        for at in range(1, len(candidates))
    ]


def _confirm(candidates: Sequence[Candidate], seed: int) -> tuple[ConfirmedBy, _Comparisons]:
    """Return what confirms the folds, and the comparisons there."""
    later = [each.later for each in candidates if each.later is not None]
    if len(later) == len(candidates):
        return "later", _compare_all(candidates, later, seed)
    if all(candidate.repeats for candidate in candidates):
        return "nested", [_compare_nested(candidates, at, seed) for at in range(1, len(candidates))]
    return "nothing", [() for _ in candidates[1:]]


def _compare_nested(
    candidates: Sequence[Candidate], at: int, seed: int
) -> tuple[PairedComparison, ...]:
    """Return the gains of the held-out choice among the candidates up to one over the simpler."""
    losses = {"chosen": nested_loss([each.repeats for each in candidates[: at + 1]])}
    losses |= {each.name: each.sums["loss"] for each in candidates[:at]}
    sums = {**losses, "pairs": candidates[0].sums["pairs"]}
    whole, drawn = total(sums), resample(sums, rng=np.random.default_rng(seed))
    comparisons = []
    for simpler in candidates[:at]:
        with np.errstate(invalid="ignore"):
            value = (whole[simpler.name] - whole["chosen"]) / whole["pairs"]
            draws = (drawn[simpler.name] - drawn["chosen"]) / drawn["pairs"]
        gain = interval(float(value[0]), draws, level=LEVEL)
        lost = gain.low is None or gain.low <= 0
        comparisons.append(
            PairedComparison(
                against=simpler.name,
                gain=gain,
                extra_calibration_error=UNDEFINED,
                reasons=("log_loss_not_better",) if lost else (),
            )
        )
    return tuple(comparisons)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draws:
    """Figures of one candidate on some groups: on the data as they are, then on every draw.

    `error` is the calibration error; its draws are what noise alone makes of it, see `_noise`.
    """

    loss: NDArray[np.float64]
    error: NDArray[np.float64]

    @classmethod
    def of(cls, sums: GroupSums, seed: int) -> "_Draws":
        whole = total(sums)
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
    candidate: Candidate,
    comparisons: tuple[PairedComparison, ...],
    confirming: tuple[PairedComparison, ...],
    *,
    is_later: bool,
) -> GateVerdict:
    # A nested comparison is of the choice, not of the candidate: it shows no transfer.
    of_candidate = [*comparisons, *(confirming if is_later else ())]
    on_folds = not any(comparison.reasons for comparison in comparisons)
    return GateVerdict(
        name=candidate.name,
        passed=on_folds and not any(comparison.reasons for comparison in confirming),
        comparisons=comparisons,
        negative_transfer=_transfer(of_candidate) if candidate.is_transfer else "none",
        on_folds=on_folds,
        confirming=confirming,
    )


def _compare(draws: _Draws, against: str, its_draws: _Draws) -> PairedComparison:
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
        against=against, gain=gain, extra_calibration_error=extra, reasons=tuple(reasons)
    )


def _transfer(comparisons: Sequence[PairedComparison]) -> Transfer:
    gains = [comparison.gain for comparison in comparisons]
    if any(gain.high is not None and gain.high < 0 for gain in gains):
        return "detected"
    if any(gain.value is not None and gain.value < 0 for gain in gains):
        return "suspected"
    return "none"
