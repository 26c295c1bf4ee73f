"""Compression of a predictor: an int8 copy of its encoder, and a student for long lists.

Neither is used on faith: the copy's answers are compared with the original's, the student's with
its teacher's on wordings it had not seen.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import Arms, ContrastGroup, stack_arms
from ml.dataset.pairs import pair_arms
from ml.distillation.distil import MIN_TEXTS, distil_student
from ml.distillation.student import Student
from ml.encoders.base import Encoder
from ml.encoders.int8_encoder import Int8Encoder
from ml.encoders.int8_export import NO_BRANCH, Branch, NoFastCopyError, export_int8
from ml.encoders.sentence_encoder import sentence_encoder
from ml.progress import Progress, no_progress, within
from ml.scoring.artifacts import Artifact
from ml.scoring.calibration import Calibration, win_probability
from ml.scoring.manifest import FastCopyRecord
from ml.strategies.base import FittedStrategy
from ml.strategies.candidates import strategy_named
from ml.strategies.fine_tuned import FittedTuned
from ml.strategies.stack import FittedStack

logger = logging.getLogger(__name__)

# Chances this near to 1/2 may change sides: nobody would act on either.
UNDECIDED = 0.02
# At most so many of the other pairs may.
MAX_TURNED = 0.01
# And chances may move by this much on average.
MAX_MOVED = 0.02
# Enough pairs to judge a copy; more would cost time and change nothing.
COMPARED_GROUPS = 300
# Share of the time that the copy takes; the student takes the remainder.
COPY_SHARE = 0.2


def add_fast_parts(
    artifact: Artifact,
    fitted: FittedStrategy,
    *,
    groups: Sequence[ContrastGroup],
    texts: Sequence[str],
    encoder: Encoder,
    progress: Progress = no_progress,
) -> Artifact:
    """Return the predictor with the int8 copy of its encoder, and with a student.

    Args:
        artifact: A fitted predictor.
        fitted: Its strategy.
        groups: Groups it was fitted on, the undoubted first.
        texts: Every wording of the history, tested against another or not.
        encoder: Its encoder.
        progress: Called with the fraction done.
    """
    with TemporaryDirectory() as folder:
        copy = make_copy(encoder, fitted, folder=Path(folder))
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    on_copy = _strategy_on_copy(artifact, copy) if copy else None
    compared = stack_arms(groups[:COMPARED_GROUPS])
    agreement = (
        _agreement_record(fitted, on_copy, compared, artifact.calibration) if on_copy else None
    )
    is_equal = agreement is not None and agreement["is_equal"]
    progress(COPY_SHARE)
    # The teacher is the strategy that will answer.
    teacher = on_copy if on_copy and is_equal else fitted
    return replace(
        artifact,
        manifest={**artifact.manifest, "fast_copy": agreement},
        student=make_student(
            encoder, teacher, texts, progress=within(progress, COPY_SHARE, 1 - COPY_SHARE)
        ),
        files=files if is_equal else {},
    )


def make_student(
    encoder: Encoder,
    teacher: FittedStrategy,
    texts: Sequence[str],
    *,
    progress: Progress = no_progress,
) -> Student | None:
    """Return a student of a strategy; None without enough texts or a network to start from.

    Args:
        encoder: Any encoder, or one behind a cache.
        teacher: A strategy.
        texts: Wordings of the history.
        progress: Called with the fraction done.
    """
    inner = sentence_encoder(encoder)
    backend = getattr(inner.tokenizer, "backend_tokenizer", None) if inner else None
    different = sorted({text for text in texts if text})
    if inner is None or backend is None or len(different) < MIN_TEXTS:
        return None
    return distil_student(
        different,
        teacher.score,
        tokenizer=str(backend.to_str()),
        vectors=inner.first_vectors,
        seed=0,
        progress=progress,
    )


def _strategy_on_copy(artifact: Artifact, copy: Encoder) -> FittedStrategy:
    return strategy_named(artifact.strategy, make_encoder=lambda: copy).restore(artifact.parts)


def _agreement_record(
    fitted: FittedStrategy, on_copy: FittedStrategy, arms: Arms, calibration: Calibration
) -> FastCopyRecord:
    """Return the agreement of the strategy on a copy of its encoder with the original."""
    pairs = pair_arms(arms)
    agreement = compare_scores(
        fitted.score(arms.texts),
        on_copy.score(arms.texts),
        first=pairs.first,
        second=pairs.second,
        calibration=calibration,
    )
    return {
        "pairs": agreement.pairs,
        "turned": agreement.turned,
        "moved": agreement.moved,
        "is_equal": agreement.is_equal,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    """Agreement of a fast copy with its original.

    Args:
        pairs: Pairs of wordings of one test that were compared.
        turned: Share of them whose order changed, among those the original decides.
        moved: Mean absolute change of the chance that A beats B.
        is_equal: True if the copy may be served.

    >>> Agreement(pairs=10, turned=0.0, moved=0.001).is_equal
    True
    """

    pairs: int
    turned: float
    moved: float

    @property
    def is_equal(self) -> bool:
        """Return whether the copy may be served."""
        return self.turned <= MAX_TURNED and self.moved <= MAX_MOVED


def compare_scores(
    original: NDArray[np.float64],
    copy: NDArray[np.float64],
    *,
    first: NDArray[np.int64],
    second: NDArray[np.int64],
    calibration: Calibration,
) -> Agreement:
    """Compare two scorings of the same wordings, pair by pair.

    Args:
        original: Scores of the original, float64 (n,).
        copy: Scores of the copy, float64 (n,).
        first: One wording of each pair, int64 (m,), m >= 1.
        second: The other, int64 (m,).
        calibration: From score differences to chances.

    >>> calibration = Calibration(slope=1.0, lift_slope=1.0, lift_sd=0.1)
    >>> compare_scores(
    ...     np.array([0.0, 1.0]), np.array([0.1, 0.9]),
    ...     first=np.array([0]), second=np.array([1]), calibration=calibration,
    ... ).turned
    0.0
    """
    original_chance = win_probability(original[first] - original[second], calibration)
    copy_chance = win_probability(copy[first] - copy[second], calibration)
    decided = np.abs(original_chance - 0.5) >= UNDECIDED
    turned = decided & ((original_chance > 0.5) != (copy_chance > 0.5))
    return Agreement(
        pairs=len(first),
        turned=float(turned.mean()),
        moved=float(np.abs(original_chance - copy_chance).mean()),
    )


def make_copy(encoder: Encoder, fitted: FittedStrategy, *, folder: Path) -> Int8Encoder | None:
    """Return the int8 copy of an encoder with what was fine-tuned from it; None if none can be.

    Args:
        encoder: Any encoder, or one behind a cache.
        fitted: A strategy on it.
        folder: Folder for the files.
    """
    inner = sentence_encoder(encoder)
    if inner is None:
        return None
    try:
        return export_int8(inner, folder=folder, branch=_branch(fitted))
    except NoFastCopyError as error:
        logger.warning("no int8 copy: %s", error)
        return None


def _branch(fitted: FittedStrategy) -> Branch:
    members = fitted.members if isinstance(fitted, FittedStack) else (fitted,)
    tuned = next((each for each in members if isinstance(each, FittedTuned)), None)
    if tuned is None:
        return NO_BRANCH
    return Branch(n_frozen=tuned.n_frozen, layers=tuple(tuned.layers))
