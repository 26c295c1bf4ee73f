"""A fast copy of an encoder: an int8 ONNX graph with its tokenizer, run without torch.

`int8_export` writes it, and training compares its scores with the original's before it is used.
One graph computes the input of every strategy: the encoder's last layer, all its layers, and the
means of the network fine-tuned from it, on shared lower layers that are computed once.
"""

import json
import os
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import Fail, InvalidProtobuf, NoSuchFile
from tokenizers import Tokenizer

from ml.errors import EncoderError
from ml.progress import Progress, no_progress

# Stored; never rename.
GRAPH, TOKENIZER, ABOUT = "encoder-int8.onnx", "tokenizer.json", "encoder-int8.json"
# Texts per run; they are of about equal length, because padding is wasted work.
BATCH = 32
# Smallest batch that is worth a separate core.
SMALLEST = 4
# Cached texts, about 14 kB each: every part of a predictor encodes the same ones.
REMEMBERED = 2_048


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """Description of the original of an int8 copy.

    Args:
        name: Name of the encoder.
        fingerprint: Fingerprint of the encoder.
        layers_fingerprint: Fingerprint of its layers.
        width: Width of one layer.
        n_layers: Number of layers, embeddings included.
        is_tuned: True if a network fine-tuned from it is included.
        max_tokens: Number of tokens after which a text is truncated.
    """

    # Stored; never rename.
    name: str
    fingerprint: str
    layers_fingerprint: str
    width: int
    n_layers: int
    is_tuned: bool
    max_tokens: int


class Int8Encoder:
    """An int8 copy in memory, with the encoder's interface and its fingerprint.

    Args:
        folder: Folder written by `export_int8`.
        threads: Batches that run at a time, one per core, >= 1; None: all cores.

    Raises:
        EncoderError: If a file is missing or damaged.
    """

    def __init__(self, folder: Path, *, threads: int | None = None) -> None:
        try:
            self._about = About(**json.loads((folder / ABOUT).read_text(encoding="utf-8")))
            self._graph = _Graph(folder, self._about.max_tokens, threads)
        except (OSError, ValueError, TypeError, Fail, InvalidProtobuf, NoSuchFile) as error:
            raise EncoderError(f"int8 copy {str(folder)!r}: {error}") from error

    @property
    def name(self) -> str:
        """Name of the original encoder."""
        return self._about.name

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the original encoder."""
        return self._about.fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return self._about.width

    @property
    def layers(self) -> "Int8Part":
        """The same network read out at every layer, with equal weights."""
        part = slice(0, self._about.n_layers * self._about.width)
        return Int8Part(self, self._graph, part, fingerprint=self._about.layers_fingerprint)

    @property
    def tuned(self) -> "Int8Part | None":
        """Unit means of the network fine-tuned from it, or None."""
        if not self._about.is_tuned:
            return None
        part = slice(self._about.n_layers * self._about.width, None)
        return Int8Part(self, self._graph, part, fingerprint=self.fingerprint)

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector per text, float32 (n, d): the columns of the last layer."""
        layers = self.layers.encode(texts, progress=progress)
        return layers[:, -self.dimension :] * np.float32(self._about.n_layers**0.5)


class Int8Part:
    """Some columns of the output of a copy's graph.

    Args:
        copy: The copy.
        graph: Its graph.
        part: The columns.
        fingerprint: Fingerprint of their original.
    """

    def __init__(
        self, copy: Int8Encoder, graph: "_Graph", part: slice, *, fingerprint: str
    ) -> None:
        self.name = copy.name
        self.fingerprint = fingerprint
        self._graph = graph
        self._part = part

    @property
    def dimension(self) -> int:
        """Number of columns."""
        return len(range(*self._part.indices(self._graph.dimension)))

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return the columns for each text, float32 (n, d)."""
        return self._graph.read(texts, progress)[:, self._part]


class _Graph:
    """The graph with its tokenizer and a cache of the last texts."""

    def __init__(self, folder: Path, max_tokens: int, threads: int | None) -> None:
        options = onnxruntime.SessionOptions()
        # The matrices of a batch are too small to split: two cores on one batch are hardly faster
        # than one, two batches on a core each are twice as fast.
        options.intra_op_num_threads = 1
        self._threads = threads or os.cpu_count() or 1
        self._session = onnxruntime.InferenceSession(
            str(folder / GRAPH), options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self._tokenizer.enable_truncation(max_tokens)
        self._tokenizer.no_padding()
        self._known: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    @property
    def dimension(self) -> int:
        return int(self._session.get_outputs()[0].shape[1])

    def read(self, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
        # A local reference, so that eviction by another thread does not matter.
        vectors = {text: self._known[text] for text in texts if text in self._known}
        missing = list(dict.fromkeys(text for text in texts if text not in vectors))
        if missing:
            fresh = dict(zip(missing, self._make(missing, progress), strict=True))
            vectors |= fresh
            self._remember(fresh)
        progress(1.0)
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        return np.stack([vectors[text] for text in texts])

    def _remember(self, vectors: dict[str, NDArray[np.float32]]) -> None:
        self._known.update(list(vectors.items())[-REMEMBERED:])
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _make(self, texts: Sequence[str], progress: Progress) -> NDArray[np.float32]:
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        vectors = np.empty((len(tokens), self.dimension), dtype=np.float32)
        order = sorted(range(len(tokens)), key=lambda at: len(tokens[at]))
        size = min(BATCH, max(SMALLEST, -(-len(order) // self._threads)))
        batches = [order[start : start + size] for start in range(0, len(order), size)]
        with ThreadPoolExecutor(min(self._threads, len(batches))) as pool:
            runs = pool.map(lambda batch: self._run([tokens[at] for at in batch]), batches)
            for done, (batch, made) in enumerate(zip(batches, runs, strict=True), 1):
                vectors[batch] = made
                progress(done / len(batches))
        return vectors

    def _run(self, tokens: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        lengths = np.array([len(ids) for ids in tokens])
        mask = (np.arange(lengths.max()) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        ids[mask.astype(bool)] = np.concatenate([np.asarray(row) for row in tokens])
        (vectors,) = self._session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)
