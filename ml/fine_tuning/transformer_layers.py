"""Layers of an encoder's transformer: truncated, the lower ones frozen, the upper ones trained."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from ml.encoders.base import Encoder
from ml.encoders.devices import fast_arithmetic
from ml.encoders.sentence_encoder import SentenceEncoder, sentence_encoder, unit_mean

# Texts per batch at inference.
BATCH = 64
# Batches are padded to a multiple of this many tokens: oneDNN compiles kernels for each new shape
# and keeps them. Without rounding they took 400 MB within fifty steps.
LENGTH_STEP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """Output of the frozen layers for some texts: input of the trained ones, computed once.

    Args:
        rows: One tensor per text, (its tokens, width), on the CPU; views of one block per batch.
    """

    rows: tuple[Tensor, ...]


def tunable(encoder: Encoder) -> SentenceEncoder | None:
    """Return the sentence-transformer behind an encoder if its layers can be trained one by one.

    Args:
        encoder: Any encoder, cached or not.

    Returns:
        None outside the BERT family: BERT, RoBERTa, XLM-R, CamemBERT, ELECTRA, MPNet.

    >>> tunable(object()) is None
    True
    """
    behind = sentence_encoder(encoder)
    return behind if behind and _layers(behind.network) is not None else None


def shortened(network: PreTrainedModel, depth: int, *, n_shared: int) -> PreTrainedModel:
    """Return a copy of the lowest layers of a transformer.

    Args:
        network: Network of the BERT family; it is not changed.
        depth: Layers to keep, in [1, number of layers].
        n_shared: Layers, counted from below, that are shared and not copied, like the embeddings.
            Their weights must not be changed.

    Raises:
        ValueError: If the depth exceeds the number of layers.
    """
    layers = _layers(network)
    if layers is None or not 1 <= depth <= len(layers):
        raise ValueError(f"depth: {depth} is not from 1 to {layers and len(layers)}")
    shared = [cast(nn.Module, network.embeddings), *layers[:n_shared]]
    memo: dict[int, object] = {id(module): module for module in shared}
    # Removed modules need not be copied.
    removed = [*layers[depth:], getattr(network, "pooler", None)]
    memo |= {id(module): None for module in removed if module is not None}
    short = copy.deepcopy(network, memo)
    cast(nn.Module, short.encoder).layer = cast(nn.ModuleList, _layers(short))[:depth]
    short.config.num_hidden_layers = depth
    return short


def trainable_layers(network: PreTrainedModel, n_frozen: int) -> list[nn.Module]:
    """Return the layers above the frozen ones.

    Args:
        network: Network from `shortened`.
        n_frozen: Layers, counted from below, that keep their weights; the embeddings keep theirs.
    """
    return _readable(network)[n_frozen:]


def randomised(network: PreTrainedModel) -> PreTrainedModel:
    """Return a network of the same shape with random weights, the same ones every time.

    Args:
        network: Network from `shortened`.
    """
    with seeded(0, torch.device("cpu")):
        random = cast(
            PreTrainedModel,
            AutoModel.from_config(network.config),  # type: ignore[no-untyped-call]
        )
    random.train(mode=False)
    return cast(PreTrainedModel, cast(nn.Module, random).to(network.device))


@contextmanager
def adapted(network: PreTrainedModel, *, rank: int, n_frozen: int, seed: int) -> Iterator[None]:
    """Train only low-rank adapters of the upper layers, and merge them at the end.

    Args:
        network: Network from `shortened`.
        rank: Rank of the adapters, >= 1.
        n_frozen: Layers, counted from below, without adapters.
        seed: Seed of their initial values.
    """
    # Most networks are trained without adapters.
    from peft import LoraConfig, inject_adapter_in_model  # noqa: PLC0415
    from peft.tuners.lora import LoraLayer  # noqa: PLC0415

    depth = int(network.config.num_hidden_layers)
    config = LoraConfig(
        r=rank,
        lora_alpha=2 * rank,
        target_modules=["query", "value", "q", "v"],
        layers_to_transform=list(range(n_frozen, depth)),
    )
    with seeded(seed, network.device):
        inject_adapter_in_model(config, network)
    yield
    for name, module in list(network.named_modules()):
        if isinstance(module, LoraLayer):
            module.merge()
            network.set_submodule(name, module.get_base_layer())
    network.requires_grad_(requires_grad=False)


@torch.no_grad()
def lower_states(
    encoder: SentenceEncoder, network: PreTrainedModel, texts: Sequence[str], *, n_frozen: int
) -> States:
    """Return the output of the embeddings and the frozen layers for each text.

    Args:
        encoder: Encoder whose tokeniser is used.
        network: Network from `shortened`.
        texts: The texts, in any order.
        n_frozen: Layers to run.
    """
    frozen = _readable(network)[:n_frozen]
    embeddings = cast(nn.Module, network.embeddings)
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    rows: dict[int, Tensor] = {}
    for start in range(0, len(order), BATCH):
        chunk = order[start : start + BATCH]
        inputs = encoder.preprocess([texts[at] for at in chunk])
        inputs = {name: values.to(network.device) for name, values in inputs.items()}
        mask = inputs["attention_mask"]
        state = run_layers(frozen, embeddings(input_ids=inputs["input_ids"]), mask)
        # One block per batch: thousands of small ones would fragment the memory.
        block = state[mask.bool()].cpu()
        rows.update(zip(chunk, torch.split(block, mask.sum(1).tolist()), strict=True))
    return States(rows=tuple(rows[at] for at in range(len(texts))))


def run_layers(layers: Sequence[nn.Module], state: Tensor, mask: Tensor) -> Tensor:
    """Return the output of some layers for a state, (n, tokens, width).

    Args:
        layers: The layers, in order.
        state: Input of the lowest of them, (n, tokens, width).
        mask: 1 for a token of the text, 0 for padding, (n, tokens).
    """
    penalty = (1 - mask.to(state.dtype))[:, None, None, :] * torch.finfo(torch.bfloat16).min
    for layer in layers:
        state = layer(state, penalty)
    return state


def upper_means(layers: Sequence[nn.Module], states: Sequence[Tensor]) -> Tensor:
    """Return the unit-length mean over the words of the upper layers' output, (n, width).

    Args:
        layers: The layers above the frozen ones.
        states: Rows of `States`; similar lengths need little padding.

    Returns:
        Float32, on the device of the layers.
    """
    device = device_of(layers)
    lengths = torch.tensor([len(state) for state in states])
    longest = -(-max(len(state) for state in states) // LENGTH_STEP) * LENGTH_STEP
    padded = torch.zeros(len(states), longest, states[0].shape[1])
    for row, state in zip(padded, states, strict=True):
        row[: len(state)] = state
    mask = (torch.arange(longest)[None] < lengths[:, None]).to(torch.int64)
    padded, mask = padded.to(device), mask.to(device)
    with fast_arithmetic(device):
        state = run_layers(layers, padded, mask)
    return unit_mean(state.float(), mask)


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Seed the random draws inside the block, and restore the generators after it.

    Args:
        seed: Seed, >= 0.
        device: Device of the draws, apart from the processor.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def device_of(layers: Sequence[nn.Module]) -> torch.device:
    """Return the device of some layers.

    Args:
        layers: At least one, all on one device.
    """
    return next(layers[0].parameters()).device


class RelativeLayer(nn.Module):
    """Adapter that gives an MPNet layer, with its relative positions, the interface of a BERT one.

    Args:
        layer: The layer.
        bias: Attention bias of each bucket of distances, (buckets, heads); it stays fixed.
        bucket: Function from distances to buckets.

    Source: Song et al. (2020), "MPNet", NeurIPS, arXiv 2004.09297.
    """

    bias: Tensor

    def __init__(self, layer: nn.Module, bias: Tensor, bucket: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("bias", bias.detach())
        self._bucket = bucket

    def forward(self, state: Tensor, penalty: Tensor) -> Tensor:
        """Return the layer's output for a state, (n, tokens, width)."""
        place = torch.arange(state.shape[1], device=state.device)
        bucket = self._bucket(place[None] - place[:, None], num_buckets=len(self.bias))
        bias = self.bias[bucket].permute(2, 0, 1)[None].to(state.dtype)
        output: Tensor = self.layer(state, penalty, bias)[0]
        return output


def _readable(network: PreTrainedModel) -> list[nn.Module]:
    """Return the layers as modules that take a state and a penalty for padding."""
    layers, encoder = list(cast(nn.ModuleList, _layers(network))), cast(nn.Module, network.encoder)
    if not hasattr(encoder, "relative_attention_bias"):
        return layers
    bias = cast(nn.Embedding, encoder.relative_attention_bias).weight
    bucket = cast(Callable[..., Tensor], encoder.relative_position_bucket)
    return [RelativeLayer(layer, bias, bucket) for layer in layers]


def _layers(network: PreTrainedModel) -> nn.ModuleList | None:
    layers = getattr(getattr(network, "encoder", None), "layer", None)
    return layers if isinstance(layers, nn.ModuleList) and hasattr(network, "embeddings") else None
