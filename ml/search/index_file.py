"""File of an index of meanings: one safetensors file for each encoder."""

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ml.files import write_whole
from ml.search.meaning_index import MeaningIndex

logger = logging.getLogger(__name__)

# Keys of the file are stored; never rename.
TENSORS = ("vectors", "text_at", "tests", "sites", "unrelated", "unrelated_best")
HALVED = ("vectors", "unrelated")


def index_path(folder: Path, fingerprint: str) -> Path:
    """Return the place of the index of an encoder.

    Args:
        folder: Folder of the indexes.
        fingerprint: Fingerprint of the encoder.

    >>> index_path(Path("models"), "0123456789abcdef0123").name
    'meaning-0123456789abcdef.safetensors'
    """
    # Stored; never rename.
    return folder / f"meaning-{fingerprint[:16]}.safetensors"


def write_index(path: Path, index: MeaningIndex) -> None:
    """Write an index atomically; vectors take 2 bytes a number.

    Args:
        path: Place of the file; its folder is created if absent.
        index: The index.
    """
    texts = np.frombuffer(json.dumps(index.texts, ensure_ascii=False).encode(), dtype=np.uint8)
    tensors = {name: getattr(index, name) for name in TENSORS}
    tensors |= {name: tensors[name].astype(np.float16) for name in HALVED}
    tensors["texts"] = texts
    about = {"fingerprint": index.fingerprint, "stamp": index.stamp}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, save(tensors, metadata=about))


def read_stamp(path: Path) -> str | None:
    """Return the version of the archive that an index was made of; None without a whole file.

    Args:
        path: Place of the file; only its head is read.
    """
    with _opened(path) as stored:
        return None if stored is None else stored.metadata()["stamp"]


def read_index(path: Path) -> MeaningIndex | None:
    """Return a stored index; None if there is none, or if its file is damaged.

    Args:
        path: Place of the file.
    """
    with _opened(path) as stored:
        if stored is None:
            return None
        tensors = {name: stored.get_tensor(name) for name in (*TENSORS, "texts")}
        about = stored.metadata()
    return MeaningIndex(
        **tensors
        | about
        | {name: tensors[name].astype(np.float32) for name in HALVED}
        | {"texts": tuple(json.loads(tensors["texts"].tobytes()))}
    )


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open a file whose head and length are right; None if there is none."""
    if not path.exists():
        yield None
        return
    try:
        opened = safe_open(path, framework="numpy")
    except SafetensorError as error:
        logger.warning("%s is damaged and is made anew: %s", path, error)
        yield None
        return
    with opened as stored:
        # One of an earlier version, which had no unrelated texts, is made anew.
        yield stored if set(TENSORS) <= set(stored.keys()) else None
