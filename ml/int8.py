"""A fast copy of an encoder: an int8 ONNX graph with its tokenizer, run without torch.

`ml.int8_export` makes it; training compares its vectors with the original's before it is used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from ml.embedding import EncoderError, Progress, no_progress
from ml.files import file_sha256

GRAPH, TOKENIZER, ABOUT = "encoder-int8.onnx", "tokenizer.json", "encoder-int8.json"
# Texts of about equal length share a run: padding is work for nothing.
BATCH = 32
# Wordings are short; a longer one than this is refused before it gets here.
MAX_TOKENS = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What an int8 copy is a copy of.

    Args:
        name: Of the encoder.
        fingerprint: Of the encoder.
        dimension: Length of a vector.
        checksums: SHA-256 of the copy's files by name.
    """

    name: str
    fingerprint: str
    dimension: int
    checksums: Mapping[str, str]


class Int8Encoder:
    """An int8 copy in memory: the same interface as the encoder, its fingerprint included.

    Args:
        folder: Folder that `export_int8` wrote.
        threads: Cores that one run may use, >= 1; None: all.

    Raises:
        EncoderError: If a file is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        self._about = _read_about(folder)
        options = onnxruntime.SessionOptions()
        if threads is not None:
            options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.enable_truncation(MAX_TOKENS)
        self._tokenizer.no_padding()

    @property
    def name(self) -> str:
        """Name of the encoder it copies."""
        return self._about.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the encoder it copies."""
        return self._about.fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._about.dimension

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector a text, float32 (n, d)."""
        tokens = [each.ids for each in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)
        order = sorted(range(len(tokens)), key=lambda at: len(tokens[at]))
        for start in range(0, len(order), BATCH):
            batch = order[start : start + BATCH]
            vectors[batch] = self._run([tokens[at] for at in batch])
            progress(min(1.0, (start + BATCH) / len(order)))
        return vectors

    def _run(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        lengths = np.array([len(each) for each in tokens])
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        ids[mask.astype(bool)] = np.concatenate([np.asarray(each) for each in tokens])
        (hidden,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        pooled = np.einsum("btd,bt->bd", hidden, mask.astype(np.float32))
        return np.asarray(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))


def _read_about(folder: Path) -> About:
    try:
        about = About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
        damaged = [
            name for name, sha in about.checksums.items() if file_sha256(folder / name) != sha
        ]
    except (OSError, ValueError, TypeError) as error:
        raise EncoderError(f"int8 copy {str(folder)!r}: {error}") from error
    if damaged:
        raise EncoderError(f"int8 copy {str(folder)!r}: {damaged[0]} is damaged")
    return about
