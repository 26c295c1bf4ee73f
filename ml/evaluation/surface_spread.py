"""Spread of true effects on each surface, the form of a CTA, and the shrinkage that it asks for.

Wordings of a button may matter less than headlines. A predictor of headlines then claims too much
for buttons: with the same correlation, predicted differences shrink as the true ones do.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import ContrastGroup
from ml.dataset.dispersion import variance_moments
from ml.evaluation.metrics import Predictions
from ml.scoring.manifest import SurfaceRecord

# Tests of one's own that the spread over all tests is worth: with as many, half of the variance
# is that of the surface.
PRIOR_GROUPS = 20


def measure_surfaces(
    groups: Sequence[ContrastGroup], held: Predictions, *, dispersion: float = 1.0
) -> dict[str, SurfaceRecord]:
    """Return the spread of true effects on each form, and what differences are multiplied by.

    The variance of a form is the mean of its own estimate, which counts as its tests, and that of
    all tests, which counts as 20. Differences are never enlarged, and not shrunk where held-out
    pairs of the form are predicted worse with it.

    Args:
        groups: Contrast groups, g.
        held: Their held-out predictions.
        dispersion: Noise variance over binomial variance, >= 1.

    Returns:
        By form: `groups`, `spread` (standard deviation of true log-odds within a test, >= 0) and
        `shrinkage` in [0, 1]. Forms that are not stated have the key "".

    Source: variance by moments, DerSimonian and Laird (1986), Controlled Clinical Trials 7(3);
    drawn to the common one as a scaled inverse chi-squared prior does, Gelman et al. (2013),
    Bayesian Data Analysis, section 2.6.
    """
    excess, scale = variance_moments(held.arms, dispersion=dispersion)
    common = _variance(excess, scale)
    forms = np.array([group.form for group in groups])
    surfaces: dict[str, SurfaceRecord] = {}
    for form in sorted(set(forms.tolist())):
        inside = forms == form
        n = int(inside.sum())
        own = _variance(excess[inside], scale[inside])
        variance = (n * own + PRIOR_GROUPS * common) / (n + PRIOR_GROUPS)
        ratio = min(1.0, float(np.sqrt(variance / common))) if common > 0 else 1.0
        helps = _loss(held, inside, ratio) <= _loss(held, inside, 1.0)
        surfaces[form] = {
            "groups": n,
            "spread": float(np.sqrt(variance)),
            "shrinkage": ratio if helps else 1.0,
        }
    return surfaces


def _variance(excess: NDArray[np.float64], scale: NDArray[np.float64]) -> float:
    return max(0.0, float(excess.sum() / scale.sum())) if scale.sum() > 0 else 0.0


def _loss(held: Predictions, inside: NDArray[np.bool_], ratio: float) -> float:
    """Return the log loss summed over the decided pairs of some groups, with logits shrunk."""
    chosen = inside[held.pairs.group]
    signed = np.where(held.pairs.first_won, held.logit, -held.logit)[chosen]
    return float(np.logaddexp(0, -ratio * signed).sum())
