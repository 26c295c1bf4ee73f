"""Export of an encoder to an int8 copy: torch to ONNX, then weights to int8."""

import copy
import json
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from transformers import PreTrainedModel

from ml.encoders.int8_encoder import ABOUT, GRAPH, TOKENIZER, About, Int8Encoder
from ml.encoders.sentence_encoder import SentenceEncoder

# Attention score of padding: far below any real score, but still finite in int8.
NOT_SEEN = torch.finfo(torch.bfloat16).min


class NoFastCopyError(RuntimeError):
    """This encoder cannot have an int8 copy; the message gives the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A network fine-tuned from an encoder, on lower layers that it shares with it.

    Args:
        n_frozen: Shared layers, counted from below.
        layers: The layers above; empty without fine-tuning.
    """

    n_frozen: int = 0
    layers: tuple[torch.nn.Module, ...] = ()


NO_BRANCH = Branch()


def export_int8(
    encoder: SentenceEncoder, *, folder: Path, branch: Branch = NO_BRANCH
) -> Int8Encoder:
    """Write an int8 copy of an encoder and open it.

    Args:
        encoder: Encoder to copy.
        folder: Target folder.
        branch: Network fine-tuned from it.

    Raises:
        NoFastCopyError: If the tokenizer lacks a fast version.
        OSError: If the folder cannot be written.

    Source: dynamic quantisation of weights to int8, onnxruntime.quantization.
    """
    backend = getattr(encoder.tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise NoFastCopyError(f"encoder {encoder.name!r}: its tokenizer has no fast form")
    about = About(
        name=encoder.name,
        fingerprint=encoder.fingerprint,
        layers_fingerprint=encoder.layers.fingerprint,
        width=encoder.network.config.hidden_size,
        n_layers=encoder.layers.dimension // encoder.network.config.hidden_size,
        is_tuned=bool(branch.layers),
        max_tokens=encoder.max_tokens,
    )
    with _quiet():
        _write_graph(encoder, branch, folder / GRAPH)
    (folder / TOKENIZER).write_text(str(backend.to_str()), encoding="utf-8")
    (folder / ABOUT).write_text(json.dumps(asdict(about), indent=1), encoding="utf-8")
    return Int8Encoder(folder)


class _Readout(torch.nn.Module):
    """Means over the words for token ids: of every layer, then of the branch."""

    def __init__(self, network: PreTrainedModel, branch: Branch) -> None:
        super().__init__()
        self.network = network
        self.n_frozen = branch.n_frozen
        self.branch = torch.nn.ModuleList(branch.layers)

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        states = self.network(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        means = [_unit_mean(state, attention_mask) / len(states) ** 0.5 for state in states]
        if len(self.branch):
            penalty = (1 - attention_mask.to(states[0].dtype))[:, None, None, :] * NOT_SEEN
            state = states[self.n_frozen]
            for layer in self.branch:
                state = layer(state, penalty)
            means.append(_unit_mean(state, attention_mask))
        return torch.cat(means, dim=1)


class _LengthNorm(torch.nn.Module):
    """A layer norm written as a division by a length, which saves a fifth of the run time.

    onnxruntime recognises the usual form and runs it on scalars; the operations of this form,
    which gives the same result, are vectorised.
    """

    def __init__(self, norm: torch.nn.LayerNorm) -> None:
        super().__init__()
        width = norm.weight.numel()
        self.weight, self.bias = norm.weight.detach() * width**0.5, norm.bias.detach()
        self.floor = norm.eps * width

    def forward(self, state: torch.Tensor) -> torch.Tensor:
        centred = state - state.mean(-1, keepdim=True)
        length = (centred.norm(dim=-1, keepdim=True).square() + self.floor).sqrt()
        normed: torch.Tensor = centred / length * self.weight + self.bias
        return normed


def _quick(readout: torch.nn.Module) -> torch.nn.Module:
    """Return a copy with the layer norms in the fast form."""
    quick = copy.deepcopy(readout)
    for name, module in list(quick.named_modules()):
        if isinstance(module, torch.nn.LayerNorm):
            quick.set_submodule(name, _LengthNorm(module))
    return quick


def _unit_mean(state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    total = (state * mask.to(state.dtype).unsqueeze(2)).sum(1)
    mean: torch.Tensor = total / total.norm(dim=1, keepdim=True)
    return mean


def _write_graph(encoder: SentenceEncoder, branch: Branch, path: Path) -> None:
    with TemporaryDirectory() as folder:
        whole = Path(folder) / "whole.onnx"
        readout = _quick(_Readout(encoder.network, branch).eval())
        _export_graph(readout, encoder.max_tokens, whole)
        quantize_dynamic(
            str(whole),
            str(path),
            weight_type=QuantType.QInt8,
            per_channel=True,
            nodes_to_exclude=_narrowing(whole),
        )


def _narrowing(path: Path) -> list[str]:
    """Return the names of the products that narrow the state: they are not quantised.

    In a transformer they follow the activation function, which has a few values far larger than
    the others: one int8 scale for all of them loses more than the rest of the quantisation. On two
    folds of the Upworthy archive 0.6 and 0.9 % of the pairs changed sides with them in eight bits,
    0.3 and 0.6 % do without, for a quarter of the speed (benchmarks/bench_scoring.py).
    """
    graph = onnx.load(str(path), load_external_data=False).graph
    shapes = {weights.name: tuple(weights.dims) for weights in graph.initializer}
    products = [node for node in graph.node if node.op_type in {"MatMul", "Gemm"}]
    return [
        product.name
        for product in products
        if any(_narrows(shapes.get(name, ())) for name in product.input)
    ]


def _narrows(shape: tuple[int, ...]) -> bool:
    return len(shape) == 2 and shape[0] > shape[1]


def _export_graph(readout: torch.nn.Module, max_tokens: int, path: Path) -> None:
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length", max=max_tokens)
    shape = {0: batch, 1: length}
    # Two tensors: the same one passed twice would be exported as one input.
    device = next(readout.parameters()).device
    ids, mask = (torch.ones(3, 7, dtype=torch.long, device=device) for _ in range(2))
    with torch.no_grad():
        torch.onnx.export(
            readout,
            (ids, mask),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["vectors"],
            dynamo=True,
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            opset_version=18,
            verbose=False,
        )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the exporter's log messages."""
    loud = [logging.getLogger(name) for name in ("torch.onnx", "root", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loud]
    try:
        for logger in loud:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loud, levels, strict=True):
            logger.setLevel(level)
