"""Checkpoints of a training on disk, from which it resumes after a kill."""

import hashlib
import logging
import shutil
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ml.files import file_sha256, write_whole

logger = logging.getLogger(__name__)

# Age after which an interrupted training is not resumed.
KEPT_FOR = timedelta(days=7)

Scores = NDArray[np.float64]


class Keep(Protocol):
    """Returns the stored scores of a step, or computes and stores them."""

    def __call__(self, name: str, make: Callable[[], Scores]) -> Scores:
        """Return the scores of one step, float64 (n,)."""
        ...


def keep_nothing(name: str, make: Callable[[], Scores]) -> Scores:
    """Compute the scores every time.

    Args:
        name: Name of the step.
        make: Function that computes its scores.

    >>> keep_nothing("fold 0", lambda: np.zeros(2))
    array([0., 0.])
    """
    return make()


class Checkpoints:
    """Scores of the finished steps of one training.

    Args:
        folder: Folder of the unfinished trainings; created if absent.
        key: Digest of everything that determines the scores: a training with other data, another
            seed or other code does not share checkpoints.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     steps = Checkpoints(Path(folder), key="a1")
    ...     made = steps.keep("tfidf-0-0", lambda: np.array([0.5]))
    ...     steps.keep("tfidf-0-0", lambda: np.array([9.0]))
    array([0.5])
    """

    def __init__(self, folder: Path, *, key: str) -> None:
        self._folder = folder / key

    def keep(self, name: str, make: Callable[[], Scores]) -> Scores:
        """Return the stored scores of a step, or compute and store them, float64 (n,)."""
        # Stored; never rename.
        path = self._folder / f"{name}.safetensors"
        try:
            return np.asarray(load_file(path)["scores"], dtype=np.float64)
        except FileNotFoundError:
            pass
        except (SafetensorError, KeyError) as error:
            logger.warning("%s is damaged and is made anew: %s", path, error)
        scores = np.ascontiguousarray(make(), dtype=np.float64)
        self._folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, save({"scores": scores}))
        return scores

    def clear(self) -> None:
        """Delete the checkpoints of a finished training."""
        shutil.rmtree(self._folder, ignore_errors=True)


def forget_old(folder: Path, *, now: datetime) -> int:
    """Delete the checkpoints of old interrupted trainings; return their number.

    Args:
        folder: Folder of the unfinished trainings.
        now: Current time, with a time zone.

    >>> from datetime import UTC
    >>> forget_old(Path("/nowhere"), now=datetime(2026, 1, 1, tzinfo=UTC))
    0
    """
    if not folder.is_dir():
        return 0
    limit = (now - KEPT_FOR).timestamp()
    old = [path for path in folder.iterdir() if path.is_dir() and path.stat().st_mtime < limit]
    for path in old:
        shutil.rmtree(path, ignore_errors=True)
    return len(old)


def source_digest() -> str:
    """Return a SHA-256 of this package's code, so that an upgrade invalidates checkpoints.

    >>> len(source_digest())
    64
    """
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
