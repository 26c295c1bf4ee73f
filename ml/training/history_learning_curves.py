"""Learning curves on an operator's own history: the gain from more tests, by strategy."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from ml.dataset.contrast_groups import build_groups
from ml.dataset.training_dataset import training_dataset
from ml.encoders.base import Encoder
from ml.evaluation.learning_curves import (
    CurvePlan,
    curve,
    curve_sizes,
    data_saving,
    growth,
    make_splits,
    measure_curves,
)
from ml.history.row import HistoryRow
from ml.progress import Progress
from ml.strategies.candidates import line_up
from ml.training.candidate_trials import refuse_too_little

BASELINE = "tfidf"
# Seconds each; a fine-tuned network takes minutes a size.
QUICK = ("tfidf", "frozen_head", "frozen_layers")


def learning_curves(
    rows: Iterable[HistoryRow],
    *,
    encoder: Encoder,
    strategies: Sequence[str],
    n_splits: int,
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Return the curves of several strategies, and how much data each saves against TF-IDF.

    Args:
        rows: Past tests; doubtful ones are left out.
        encoder: Pretrained encoder with a cache.
        strategies: Keys; "no text" is drawn, too, and TF-IDF is measured in any case.
        n_splits: Splits into judged and teaching groups, >= 1.
        seed: Seed of the splits, >= 0.
        progress: Told the fraction done.

    Returns:
        `groups` there are, `splits`, `curves` by strategy, `growth` at their ends, and
        `data_saving` by strategy that starts from a pretrained model.

    Raises:
        TooLittleHistoryError: If there are too few tests.
        ValueError: If a strategy is unknown.
        EncoderError: If the encoder cannot do what was asked for.
    """
    data = training_dataset(build_groups(rows))
    refuse_too_little(data)
    groups = data.groups
    splits = make_splits(groups, n_splits=n_splits, seed=seed)
    sizes = curve_sizes(splits)
    candidates = line_up(encoder, len(groups), asked=(BASELINE, *strategies)).strategies
    plans = [CurvePlan(strategy=each, sizes=sizes) for each in candidates]
    cells = measure_curves(plans, splits, progress=progress)
    curves = {each.name: curve(cells, each.name) for each in candidates}
    return {
        "groups": len(groups),
        "splits": n_splits,
        "curves": {name: [asdict(point) for point in points] for name, points in curves.items()},
        "growth": {
            each.name: asdict(found)
            for each in candidates
            if (found := growth(cells, each.name)) is not None
        },
        "data_saving": {
            each.name: asdict(
                data_saving(cells, each.name, baseline=BASELINE, baseline_groups=sizes[-1])
            )
            for each in candidates
            if each.is_transfer
        },
    }
