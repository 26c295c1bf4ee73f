"""A trained predictor on labelled past tests: all of them, those it answers, those it refuses."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import ContrastGroup, Dataset, stack_arms
from ml.dataset.dispersion import replicate_dispersion
from ml.dataset.near_duplicates import tokenise
from ml.dataset.pairs import pair_arms
from ml.evaluation.bootstrap import Estimate, estimate, resample, total
from ml.evaluation.metrics import Metrics, Predictions, group_sums, summarise
from ml.evaluation.noise_ceiling import noise_ceiling
from ml.scoring.context import context_of
from ml.scoring.scorer import Scorer


class NoGroupsError(ValueError):
    """No past test can judge a predictor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Results of a predictor on past tests.

    Args:
        groups: Contrast groups that could be judged: not suspect, two wordings, some clicks.
        groups_answered: Those in which no wording was refused.
        groups_known: Those that share a test or a wording with the training history: on them a
            predictor looks better than it is.
        suspect_groups: Groups left out because their randomisation is known to be faulty.
        arms: Arms of the groups.
        pairs: Decided pairs of the groups, refused wordings included: they have scores, too.
        pairs_p05: Those whose two-proportion z-test has p < 0.05.
        pairs_answered: Decided pairs of the answered groups.
        coverage: Share of the groups that were answered.
        metrics: Figures with intervals on all groups.
        metrics_answered: The same on the answered ones; None if there are none.
        metrics_refused: The same on the others; None if there are none.
        ceiling: Pair accuracy of an oracle if noise is binomial.
        ceiling_overdispersed: The same with the noise that replicated arms show; None when too
            few arms are replicated.
        dispersion: Noise variance over binomial variance in the replicated arms, or None.
    """

    groups: int
    groups_answered: int
    groups_known: int
    suspect_groups: int
    arms: int
    pairs: int
    pairs_p05: int
    pairs_answered: int
    coverage: Estimate
    metrics: Metrics
    metrics_answered: Metrics | None
    metrics_refused: Metrics | None
    ceiling: Estimate
    ceiling_overdispersed: Estimate | None
    dispersion: float | None


def judge(scorer: Scorer, dataset: Dataset, *, seed: int) -> Judgement:
    """Return how a predictor does on past tests.

    Args:
        scorer: A trained predictor.
        dataset: Past tests; suspect groups are left out.
        seed: Seed of the bootstrap draws.

    Raises:
        NoGroupsError: If no group remains to judge on.
    """
    groups = [group for group in dataset.groups if not group.suspect]
    if not groups:
        raise NoGroupsError(f"no contrast group, but {len(dataset.groups)} doubtful ones")
    scores, is_answered = _answers(scorer, groups)
    arms = stack_arms(groups)
    pairs = pair_arms(arms)
    rng = np.random.default_rng(seed)
    dispersion = replicate_dispersion(dataset)

    def figures(chosen: NDArray[np.bool_]) -> Metrics:
        predictions = _predictions(scorer, groups, scores, chosen)
        return summarise(group_sums(predictions), rng=rng)

    return Judgement(
        groups=len(groups),
        groups_answered=int(np.count_nonzero(is_answered)),
        groups_known=_known(scorer, groups),
        suspect_groups=len(dataset.groups) - len(groups),
        arms=len(arms.texts),
        pairs=len(pairs),
        pairs_p05=int(np.count_nonzero(pairs.p_value < 0.05)),
        pairs_answered=int(np.count_nonzero(is_answered[pairs.group])),
        coverage=_share(is_answered, rng),
        metrics=figures(np.ones(len(groups), dtype=bool)),
        metrics_answered=figures(is_answered) if is_answered.any() else None,
        metrics_refused=None if is_answered.all() else figures(~is_answered),
        ceiling=noise_ceiling(arms, rng=rng),
        ceiling_overdispersed=(
            None if dispersion is None else noise_ceiling(arms, rng=rng, dispersion=dispersion)
        ),
        dispersion=dispersion,
    )


def _answers(
    scorer: Scorer, groups: Sequence[ContrastGroup]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the score of every arm, and which groups have no refused one."""
    arms = stack_arms(groups)
    contexts = [context_of(group) for group in groups for _ in group.texts]
    scores, refusals = scorer.answer(arms.texts, contexts)
    refused = np.zeros(len(groups), dtype=bool)
    refused[arms.group[[refusal is not None for refusal in refusals]]] = True
    return scores, ~refused


def _predictions(
    scorer: Scorer,
    groups: Sequence[ContrastGroup],
    scores: NDArray[np.float64],
    chosen: NDArray[np.bool_],
) -> Predictions:
    """Return the predictions of some of the groups."""
    arms = stack_arms(list(compress(groups, chosen)))
    pairs = pair_arms(arms)
    kept = scores[np.repeat(chosen, [len(group.texts) for group in groups])]
    logit = scorer.artifact.calibration.slope * (kept[pairs.first] - kept[pairs.second])
    return Predictions(arms=arms, pairs=pairs, scores=kept, logit=logit)


def _known(scorer: Scorer, groups: Sequence[ContrastGroup]) -> int:
    """Return how many groups share a test or a wording (but for case and signs) with the past."""
    tests = {past.test for past in scorer.artifact.past}
    wordings = {frozenset(tokenise(past.text)) for past in scorer.artifact.past}
    return sum(
        group.test in tests or any(frozenset(tokenise(text)) in wordings for text in group.texts)
        for group in groups
    )


def _share(is_answered: NDArray[np.bool_], rng: np.random.Generator) -> Estimate:
    sums = {"answered": is_answered.astype(np.float64), "groups": np.ones(len(is_answered))}
    return estimate(
        lambda totals: totals["answered"] / totals["groups"], total(sums), resample(sums, rng=rng)
    )
