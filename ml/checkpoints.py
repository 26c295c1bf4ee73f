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

# Nobody takes up a training that was broken off so long ago.
KEPT_FOR = timedelta(days=7)

Scores = NDArray[np.float64]


class Keep(Protocol):
    """Returns what was made under this name before, or makes and keeps it."""

    def __call__(self, name: str, make: Callable[[], Scores]) -> Scores:
        """Return the scores of one step, float64 (n,)."""
        ...


def keep_nothing(name: str, make: Callable[[], Scores]) -> Scores:
    """Make it every time.

    Args:
        name: Name of the step.
        make: Makes its scores.

    >>> keep_nothing("fold 0", lambda: np.zeros(2))
    array([0., 0.])
    """
    return make()


class Checkpoints:
    """Scores of the finished steps of one training.

    Args:
        folder: Folder of unfinished trainings; created if absent.
        key: Digest of everything that decides the scores: a training of other data, another
            seed or other code finds nothing of this one.

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
        """Return the kept scores of a step, or make and keep them, float64 (n,)."""
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
        """Forget the training: it is finished."""
        shutil.rmtree(self._folder, ignore_errors=True)


def forget_old(folder: Path, *, now: datetime) -> int:
    """Remove the trainings that were broken off long ago; return how many.

    Args:
        folder: Folder of unfinished trainings.
        now: Time, with a zone.

    >>> from datetime import UTC
    >>> forget_old(Path("/nowhere"), now=datetime(2026, 1, 1, tzinfo=UTC))
    0
    """
    if not folder.is_dir():
        return 0
    limit = (now - KEPT_FOR).timestamp()
    old = [each for each in folder.iterdir() if each.is_dir() and each.stat().st_mtime < limit]
    for each in old:
        shutil.rmtree(each, ignore_errors=True)
    return len(old)


def source_digest() -> str:
    """Return a SHA-256 of this package's code: after an upgrade nothing kept is taken up.

    >>> len(source_digest())
    64
    """
    package = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(f"{path.relative_to(package)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()
