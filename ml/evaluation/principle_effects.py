"""Effects of principles of persuasion, measured within the arms of past tests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from ml.dataset.contrast_groups import ContrastGroup, center_in_group, stack_arms
from ml.dataset.dispersion import arm_variance, log_odds
from ml.language.traits import TRAITS, Trait, find_traits

# Candidates for the spread of the true effects of principles, on the log-odds scale.
SPREADS = np.geomspace(0.005, 1.0, 60)
# Scale of the half-normal prior of that spread: principles rarely move a click rate by half.
USUAL_SPREAD = 0.2
Z95 = float(ndtri(0.975))


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """Wordings with a trait against wordings without it, over all tests that have both.

    Args:
        tests: Contrast groups with both kinds of wordings.
        arms: Arms with the trait in them.
        effect: Mean difference of log-odds of a click; None without such a group.
        error: Its standard error; None likewise.
    """

    tests: int
    arms: int
    effect: float | None
    error: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TraitEffect:
    """The measured effect of a trait.

    Lifts are on the odds of a click, which for small click rates is the click rate: 0.12 = +12 %.

    Args:
        trait: Trait to measure.
        tests: Contrast groups with wordings of both kinds.
        arms: Arms with the trait in them.
        raw: Lift as measured; None if no test has both kinds.
        lift: The same, shrunken by what all traits together show; None likewise.
        low: Lower end of its 95 % credible interval.
        high: Upper end.
        chance: Probability that the effect is positive.
        examples: Past wordings with the trait that did best in their tests, best first.
    """

    trait: Trait
    tests: int
    arms: int
    raw: float | None
    lift: float | None
    low: float | None
    high: float | None
    chance: float | None
    examples: tuple[str, ...]


def measure_traits(
    groups: Sequence[ContrastGroup], *, dispersion: float = 1.0, n_examples: int = 3
) -> tuple[TraitEffect, ...]:
    """Return the effect of every trait across past tests, one for each of `TRAITS`, in order.

    Only wordings of one contrast group are compared. They differ in more than the trait: an effect
    is that of wordings which happen to have it, not proof of what adding it would do.

    Args:
        groups: Contrast groups; suspect ones are left out.
        dispersion: Noise variance over binomial variance, >= 1.
        n_examples: Number of past wordings to show.

    >>> measure_traits([])[0].tests
    0
    """
    kept = [group for group in groups if not group.suspect]
    has = trait_table(kept)
    contrasts = {trait: _contrast(kept, has[trait], dispersion=dispersion) for trait in TRAITS}
    shrunken = shrink_effects(contrasts)
    return tuple(
        _effect(
            trait, contrasts[trait], shrunken.get(trait), _examples(kept, has[trait], n_examples)
        )
        for trait in TRAITS
    )


def trait_table(groups: Sequence[ContrastGroup]) -> Mapping[Trait, NDArray[np.bool_]]:
    """Return which arms have which trait, bool (n,) each, arms in the order of the groups.

    Args:
        groups: Contrast groups.

    >>> trait_table([])["reward"].shape
    (0,)
    """
    found = [find_traits(text, group.locale) for group in groups for text in group.texts]
    return {trait: np.array([trait in each for each in found], dtype=bool) for trait in TRAITS}


def shrink_effects(contrasts: Mapping[Trait, Contrast]) -> dict[Trait, tuple[float, float]]:
    """Return mean and standard deviation of each true effect, given all of them.

    True effects are taken as normal around 0 with one spread, which is averaged over what the
    measured effects imply, under a half-normal prior of scale 0.2: with few traits measured
    the spread is never taken as certainly 0.

    Args:
        contrasts: By trait; those without a test are left out.

    Returns:
        Posterior mean and standard deviation by trait, on the log-odds scale.

    Source: the normal-normal hierarchical model, Gelman et al. (2013), "Bayesian data analysis",
    section 5.4, with the mean of the effects fixed at 0.

    >>> sure = Contrast(tests=50, arms=60, effect=0.2, error=0.02)
    >>> doubtful = Contrast(tests=2, arms=2, effect=0.2, error=0.2)
    >>> found = shrink_effects({"reward": sure, "urgency": doubtful})
    >>> round(found["reward"][0], 1), found["urgency"][0] < 0.15
    (0.2, True)
    """
    known = {
        trait: (each.effect, each.error)
        for trait, each in contrasts.items()
        if each.effect is not None and each.error is not None
    }
    if not known:
        return {}
    effect, error = np.array(list(known.values())).T
    total = SPREADS[:, None] ** 2 + error**2
    # log prior + log likelihood of each spread
    weight = -0.5 * (SPREADS / USUAL_SPREAD) ** 2
    weight = weight - 0.5 * np.sum(np.log(total) + effect**2 / total, axis=1)
    # The grid is geometric: a step is as wide as its spread.
    share = np.exp(weight - weight.max()) * SPREADS
    share = share / share.sum()
    kept = SPREADS[:, None] ** 2 / total
    mean = share @ (kept * effect)
    variance = share @ (kept * error**2 + (kept * effect - mean) ** 2)
    return {
        trait: (float(mean[at]), float(np.sqrt(variance[at]))) for at, trait in enumerate(known)
    }


def _contrast(
    groups: Sequence[ContrastGroup], has: NDArray[np.bool_], *, dispersion: float
) -> Contrast:
    """Return the random-effects mean over groups of (with the trait) - (without it).

    Source: inverse-variance weights with arms as random effects inside a group, then DerSimonian
    and Laird (1986), Controlled Clinical Trials 7(3), between groups.
    """
    arms = stack_arms(groups)
    n_groups = len(groups)
    counts = np.bincount(arms.group, has, n_groups), np.bincount(arms.group, ~has, n_groups)
    both = (counts[0] > 0) & (counts[1] > 0)
    n_arms = int(np.count_nonzero(has & both[arms.group])) if n_groups else 0
    if not both.any():
        return Contrast(tests=0, arms=0, effect=None, error=None)
    odds, noise = log_odds(arms)
    weight = 1 / (arm_variance(arms, dispersion=dispersion) + dispersion * noise)
    sides = []
    for side in (has, ~has):
        mass = np.bincount(arms.group, weight * side, n_groups)[both]
        sides.append(
            (np.bincount(arms.group, weight * odds * side, n_groups)[both] / mass, 1 / mass)
        )
    (with_it, its_variance), (without, other_variance) = sides
    effect, error = _pool(with_it - without, its_variance + other_variance)
    return Contrast(tests=int(both.sum()), arms=n_arms, effect=effect, error=error)


def _pool(difference: NDArray[np.float64], variance: NDArray[np.float64]) -> tuple[float, float]:
    weight = 1 / variance
    fixed = np.sum(weight * difference) / weight.sum()
    excess = np.sum(weight * (difference - fixed) ** 2) - (len(difference) - 1)
    scale = weight.sum() - np.sum(weight**2) / weight.sum()
    between = max(0.0, float(excess / scale)) if scale > 0 else 0.0
    weight = 1 / (variance + between)
    return float(np.sum(weight * difference) / weight.sum()), float(1 / np.sqrt(weight.sum()))


def _effect(
    trait: Trait,
    contrast: Contrast,
    shrunken: tuple[float, float] | None,
    examples: tuple[str, ...],
) -> TraitEffect:
    if shrunken is None or contrast.effect is None:
        return TraitEffect(
            trait=trait,
            tests=0,
            arms=0,
            raw=None,
            lift=None,
            low=None,
            high=None,
            chance=None,
            examples=(),
        )
    mean, sd = shrunken
    raw, lift, low, high = np.expm1([contrast.effect, mean, mean - Z95 * sd, mean + Z95 * sd])
    return TraitEffect(
        trait=trait,
        tests=contrast.tests,
        arms=contrast.arms,
        raw=float(raw),
        lift=float(lift),
        low=float(low),
        high=float(high),
        chance=float(ndtr(mean / sd)),
        examples=examples,
    )


def _examples(
    groups: Sequence[ContrastGroup], has: NDArray[np.bool_], count: int
) -> tuple[str, ...]:
    """Return the wordings with a trait whose odds, shrunken by their noise, beat their group's."""
    if not has.any():
        return ()
    arms = stack_arms(groups)
    odds, noise = log_odds(arms)
    spread = arm_variance(arms)
    gain = center_in_group(odds, arms.group) * spread / (spread + noise)
    order = np.argsort(-np.where(has, gain, -np.inf), kind="stable")
    texts = (arms.texts[at] for at in order if has[at] and gain[at] > 0)
    return tuple(dict.fromkeys(texts))[:count]
