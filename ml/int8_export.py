"""Makes the int8 copy of an encoder: torch to ONNX, then weights to int8."""

import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from sentence_transformers import SentenceTransformer

from ml.files import file_sha256, write_whole
from ml.int8 import ABOUT, GRAPH, MAX_TOKENS, TOKENIZER, About, Int8Encoder


class NoFastCopyError(RuntimeError):
    """This encoder can have no int8 copy; the message says why."""


def export_int8(
    model: SentenceTransformer, *, name: str, fingerprint: str, folder: Path
) -> Int8Encoder:
    """Write an int8 copy of a sentence-transformer and open it.

    Args:
        model: Transformer, mean pooling and, optionally, normalisation; nothing else.
        name: Of the encoder.
        fingerprint: Of the encoder: the copy answers for it.
        folder: Where the files go; made when absent.

    Raises:
        NoFastCopyError: If the model has other parts, or cannot be exported.
        OSError: If the folder cannot be written.

    Source: dynamic quantisation of weights to int8, onnxruntime.quantization.
    """
    _check_parts(model)
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / GRAPH, _quantised_graph(model))
    write_whole(folder / TOKENIZER, _tokenizer_json(model))
    about = About(
        name=name,
        fingerprint=fingerprint,
        dimension=int(model.get_embedding_dimension() or 0),
        checksums={each: file_sha256(folder / each) for each in (GRAPH, TOKENIZER)},
    )
    # Last: a folder with it is whole.
    write_whole(folder / ABOUT, json.dumps(asdict(about), indent=1).encode())
    return Int8Encoder(folder)


def _check_parts(model: SentenceTransformer) -> None:
    kinds = [type(part).__name__ for part in model]
    pooling = next((part for part in model if type(part).__name__ == "Pooling"), None)
    if not set(kinds) <= {"Transformer", "Pooling", "Normalize"} or kinds[0] != "Transformer":
        raise NoFastCopyError(f"parts: {', '.join(kinds)} cannot be copied")
    mode = getattr(pooling, "pooling_mode", None)
    if mode not in ("mean", ("mean",), ["mean"]):
        raise NoFastCopyError(f"pooling: only the mean can be copied, not {mode!r}")


def _tokenizer_json(model: SentenceTransformer) -> bytes:
    tokenizer: Any = model.tokenizer
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise NoFastCopyError("tokenizer: it has no fast form")
    return str(backend.to_str()).encode()


def _quantised_graph(model: SentenceTransformer) -> bytes:
    with TemporaryDirectory() as folder, _quiet():
        whole, small = Path(folder) / "whole.onnx", Path(folder) / GRAPH
        _export_graph(model, whole)
        quantize_dynamic(str(whole), str(small), weight_type=QuantType.QInt8, per_channel=True)
        return small.read_bytes()


def _export_graph(model: SentenceTransformer, path: Path) -> None:
    transformer: Any = model[0].auto_model

    class Hidden(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            found = self.transformer(input_ids=input_ids, attention_mask=attention_mask)
            hidden: torch.Tensor = found.last_hidden_state
            return hidden

    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=MAX_TOKENS)
    # Two tensors: one given twice would be exported as one input.
    ids, mask = torch.ones(3, 7, dtype=torch.long), torch.ones(3, 7, dtype=torch.long)
    with torch.no_grad():
        torch.onnx.export(
            Hidden().eval(),
            (ids, mask),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["hidden"],
            dynamo=True,
            dynamic_shapes={
                "input_ids": {0: batch, 1: length},
                "attention_mask": {0: batch, 1: length},
            },
            opset_version=18,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter's remarks about itself away from people."""
    loud = [logging.getLogger(name) for name in ("torch.onnx", "root", "onnxscript", "onnx_ir")]
    levels = [each.level for each in loud]
    try:
        for each in loud:
            each.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for each, level in zip(loud, levels, strict=True):
            each.setLevel(level)
