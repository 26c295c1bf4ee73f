"""Transfer source: tests of another site or audience, leak-checked and weighted."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import (
    Arms,
    ContrastGroup,
    build_groups,
    center_in_group,
    stack_arms,
)
from ml.dataset.splits import connect_groups
from ml.dataset.targets import centered_targets
from ml.dataset.training_dataset import TrainingDataset
from ml.encoders.base import Encoder
from ml.history.row import HistoryRow
from ml.scoring.manifest import SourceRecord
from ml.training.domain_similarity import (
    density_ratios,
    effective_sample_size,
    log_evidence,
    measure_similarity,
)

# Fewer texts on a side cannot be compared.
MIN_TEXTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Source tests that may train for a target.

    Args:
        groups: Contrast groups that are connected to no target group.
        arms: Their arms.
        ratios: Density ratio of each text, target over source, mean 1, float64.
        record: Counts, likeness to the target, effective sample size.
    """

    groups: tuple[ContrastGroup, ...]
    arms: Arms
    ratios: NDArray[np.float64]
    record: SourceRecord


def prepare_source(
    rows: Iterable[HistoryRow],
    target: TrainingDataset,
    encoder: Encoder,
    *,
    rng: np.random.Generator,
) -> Source | None:
    """Return the usable source tests with their likeness to the target; None if too few remain.

    Args:
        rows: Source tests; doubtful ones are left out.
        target: Dataset of the target; only its texts are compared.
        encoder: Pretrained encoder.
        rng: Source of the samples.
    """
    candidates = [group for group in build_groups(rows).groups if not group.suspect]
    joint = connect_groups([*target.groups, *candidates])
    n_target = len(target.groups)
    target_components = set(joint[:n_target].tolist())
    groups = tuple(
        group
        for group, component in zip(candidates, joint[n_target:].tolist(), strict=True)
        if component not in target_components
    )
    arms, target_arms = stack_arms(groups), target.arms
    if min(len(arms.texts), len(target_arms.texts)) < MIN_TEXTS:
        return None
    vectors, target_vectors = encoder.encode(arms.texts), encoder.encode(target_arms.texts)
    ratios = density_ratios(vectors, target_vectors)
    similarity = measure_similarity(vectors, target_vectors, rng=rng)
    record: SourceRecord = {
        "mmd": similarity.mmd,
        "mmd_p_value": similarity.mmd_p_value,
        "proxy_a_distance": similarity.proxy_a_distance,
        "n_source": similarity.n_source,
        "n_target": similarity.n_target,
        "groups": len(groups),
        "connected_groups_left_out": len(candidates) - len(groups),
        "arms": len(arms.texts),
        "effective_arms": effective_sample_size(ratios),
        "log_evidence_source": head_evidence(encoder, arms),
        "log_evidence_target": head_evidence(encoder, target_arms),
    }
    return Source(groups=groups, arms=arms, ratios=ratios, record=record)


def head_evidence(encoder: Encoder, arms: Arms) -> float:
    """Return LogME of an encoder for the differences inside the groups.

    Args:
        encoder: Pretrained encoder.
        arms: Arms of labelled groups.
    """
    vectors = encoder.encode(arms.texts).astype(np.float64)
    return log_evidence(center_in_group(vectors, arms.group), centered_targets(arms))
