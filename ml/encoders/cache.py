"""Encoder with a cache of its vectors in memory and on disk."""

import hashlib
import logging
from collections.abc import Mapping, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save

from ml.encoders.base import Encoder, layers_fingerprint, layers_of
from ml.files import write_whole
from ml.progress import Progress, no_progress, within

logger = logging.getLogger(__name__)


class CachedEncoder:
    """An encoder that caches the vector of every text, in memory and in a file.

    Args:
        encoder: The cached encoder.
        folder: Folder of the file, created if absent; None keeps vectors in memory only.
        limit: Number of vectors to keep, the oldest are evicted first; None keeps all.

    >>> class Length:
    ...     name, fingerprint, dimension = "length", "0" * 64, 1
    ...     def encode(self, texts, *, progress=no_progress):
    ...         print("encodes", texts)
    ...         return np.array([[len(text)] for text in texts], dtype=np.float32)
    >>> cached = CachedEncoder(Length(), None)
    >>> cached.encode(["Go", "Try", "Go"]).ravel()
    encodes ['Go', 'Try']
    array([2., 3., 2.], dtype=float32)
    >>> cached.encode(["Try"]).ravel()
    array([3.], dtype=float32)
    """

    def __init__(self, encoder: Encoder, folder: Path | None, *, limit: int | None = None) -> None:
        self._encoder = encoder
        self._folder = folder
        self._limit = limit
        self._path = folder and _cache_path(folder, encoder.fingerprint)
        self._vectors: dict[bytes, NDArray[np.float32]] = self._read()

    @property
    def name(self) -> str:
        """Name of the cached encoder."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the cached encoder."""
        return self._encoder.fingerprint

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        return self._encoder.dimension

    @property
    def behind(self) -> Encoder:
        """The cached encoder."""
        return self._encoder

    @cached_property
    def layers(self) -> "CachedEncoder | None":
        """Encoder of its layers, cached likewise; None if it has none."""
        layers = layers_of(self._encoder)
        if layers is None:
            return None
        return CachedEncoder(layers, self._folder, limit=self._limit)

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one vector per text, float32 (n, d); only unseen texts are encoded."""
        keys = [_key(text) for text in texts]
        missing = {
            key: text for key, text in zip(keys, texts, strict=True) if key not in self._vectors
        }
        if missing:
            self._make(missing, progress)
        if not keys:
            return np.empty((0, self.dimension), dtype=np.float32)
        vectors = np.stack([self._vectors[key] for key in keys])
        self._forget()
        return vectors

    def _make(self, missing: Mapping[bytes, str], progress: Progress) -> None:
        """Encode texts, and save the cache after each block so that a kill loses little."""
        keys, texts = list(missing), list(missing.values())
        for start in range(0, len(keys), BLOCK):
            block = slice(start, start + BLOCK)
            share = len(keys[block]) / len(keys)
            vectors = self._encoder.encode(
                texts[block], progress=within(progress, start / len(keys), share)
            )
            self._vectors.update(zip(keys[block], vectors, strict=True))
            self._write()

    def _forget(self) -> None:
        surplus = len(self._vectors) - self._limit if self._limit is not None else 0
        for key in list(islice(self._vectors, max(0, surplus))):
            del self._vectors[key]

    def _read(self) -> dict[bytes, NDArray[np.float32]]:
        if self._path is None or not self._path.exists():
            return {}
        try:
            stored = load_file(self._path)
            keys, vectors = stored["keys"], stored["vectors"]
        except (SafetensorError, KeyError) as error:
            logger.warning("%s is damaged and is made anew: %s", self._path, error)
            return {}
        return {key.tobytes(): vector for key, vector in zip(keys, vectors, strict=True)}

    def _write(self) -> None:
        if self._path is None:
            return
        keys = np.frombuffer(b"".join(self._vectors), dtype=np.uint8).reshape(-1, _KEY_BYTES)
        vectors = np.stack(list(self._vectors.values()))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(self._path, save({"keys": keys, "vectors": vectors}))


def forget_vectors(folder: Path, fingerprint: str) -> None:
    """Delete the cached vectors of an encoder that is removed, and of its layers.

    Args:
        folder: Folder of the caches.
        fingerprint: Fingerprint of the encoder.
    """
    for each in (fingerprint, layers_fingerprint(fingerprint)):
        _cache_path(folder, each).unlink(missing_ok=True)


def _cache_path(folder: Path, fingerprint: str) -> Path:
    # Stored; never rename.
    return folder / f"embeddings-{fingerprint[:16]}.safetensors"


# Texts between two writes of the cache: about ten seconds of work.
BLOCK = 2_048


_KEY_BYTES = 16


def _key(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=_KEY_BYTES).digest()
