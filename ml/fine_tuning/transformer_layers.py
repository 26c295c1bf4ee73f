"""The transformer in an encoder: cut short, lower layers run once, upper ones trained."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import cast

import torch
from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import Tensor, nn
from transformers import AutoModel, PreTrainedModel

from ml.encoders.base import Encoder
from ml.encoders.devices import fast_arithmetic
from ml.encoders.sentence_encoder import SentenceEncoder, sentence_encoder, unit_mean

# Texts in a batch that only reads.
BATCH = 64
# Batches are padded to a multiple of so many tokens: each new shape costs oneDNN a set of kernels,
# which it keeps. Where every length was a shape of its own they took 400 MB within fifty steps.
LENGTH_STEP = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class States:
    """What the frozen layers made of some texts: input of the trained ones, never computed twice.

    Args:
        rows: One tensor a text, (its tokens, width), on the CPU; views of a block for each batch.
    """

    rows: tuple[Tensor, ...]


def tunable(encoder: Encoder) -> SentenceEncoder | None:
    """Return the sentence-transformer behind an encoder if its layers can be trained one by one.

    Args:
        encoder: Any encoder, cached or not.

    Returns:
        None if it is none of the BERT family: BERT, RoBERTa, XLM-R, CamemBERT, ELECTRA, MPNet.

    >>> tunable(object()) is None
    True
    """
    behind = sentence_encoder(encoder)
    return behind if behind and _layers(behind.network) is not None else None


def shortened(network: PreTrainedModel, depth: int, *, n_shared: int) -> PreTrainedModel:
    """Return a copy of the lowest layers of a transformer.

    Args:
        network: Of the BERT family; it is not changed.
        depth: Layers to keep, in [1, number of layers].
        n_shared: Layers, counted from below, that are not copied: neither are the embeddings.
            Nobody may change their weights.

    Raises:
        ValueError: If it has not so many layers.
    """
    layers = _layers(network)
    if layers is None or not 1 <= depth <= len(layers):
        raise ValueError(f"depth: {depth} is not from 1 to {layers and len(layers)}")
    shared = [cast(nn.Module, network.embeddings), *layers[:n_shared]]
    known: dict[int, object] = {id(module): module for module in shared}
    # What is left away anyway is not copied either.
    left_away = [*layers[depth:], getattr(network, "pooler", None)]
    known |= {id(module): None for module in left_away if module is not None}
    short = copy.deepcopy(network, known)
    cast(nn.Module, short.encoder).layer = cast(nn.ModuleList, _layers(short))[:depth]
    short.config.num_hidden_layers = depth
    return short


def trainable_layers(network: PreTrainedModel, n_frozen: int) -> list[nn.Module]:
    """Return the layers above the frozen ones.

    Args:
        network: From `shortened`.
        n_frozen: Layers, counted from below, that keep their weights; the embeddings keep theirs.
    """
    return _readable(network)[n_frozen:]


def randomised(network: PreTrainedModel) -> PreTrainedModel:
    """Return a network of the same shape with random weights, the same ones every time.

    Args:
        network: From `shortened`.
    """
    with seeded(0, torch.device("cpu")):
        made = cast(
            PreTrainedModel,
            AutoModel.from_config(network.config),  # type: ignore[no-untyped-call]
        )
    made.train(mode=False)
    return cast(PreTrainedModel, cast(nn.Module, made).to(network.device))


@contextmanager
def adapted(network: PreTrainedModel, *, rank: int, n_frozen: int, seed: int) -> Iterator[None]:
    """Let gradients into low-rank adapters of the upper layers only, and merge these at the end.

    Args:
        network: From `shortened`.
        rank: Rank of the adapters, >= 1.
        n_frozen: Layers, counted from below, that get none.
        seed: Seed of their first values.
    """
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
    """Return what the embeddings and the frozen layers make of each text.

    Args:
        encoder: For its tokeniser.
        network: From `shortened`.
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
        # One block a batch: thousands of small ones would leave holes that nothing else fits.
        block = state[mask.bool()].cpu()
        rows.update(zip(chunk, torch.split(block, mask.sum(1).tolist()), strict=True))
    return States(rows=tuple(rows[at] for at in range(len(texts))))


def run_layers(layers: Sequence[nn.Module], state: Tensor, mask: Tensor) -> Tensor:
    """Return what some layers make of a state, (n, tokens, width).

    Args:
        layers: In their order.
        state: What lies below them, (n, tokens, width).
        mask: 1 for a token of the text, 0 for padding, (n, tokens).
    """
    penalty = (1 - mask.to(state.dtype))[:, None, None, :] * torch.finfo(torch.bfloat16).min
    for layer in layers:
        state = layer(state, penalty)
    return state


def upper_means(layers: Sequence[nn.Module], states: Sequence[Tensor]) -> Tensor:
    """Return the mean over the words, at unit length, of what the upper layers make, (n, width).

    Args:
        layers: The layers above the frozen ones.
        states: Rows of `States`; those of similar length together are padded little.

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
    """Draw at random from a seed, and leave the generators of others as they were.

    Args:
        seed: >= 0.
        device: Where draws are made, beside the processor.
    """
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def device_of(layers: Sequence[nn.Module]) -> torch.device:
    """Return where some layers are.

    Args:
        layers: At least one, all on one device.
    """
    return next(layers[0].parameters()).device


class RelativeLayer(nn.Module):
    """A layer that is told how far apart words are (MPNet), asked as one that need not be told.

    Args:
        layer: The layer.
        bias: What attention adds for each bucket of distances, (buckets, heads); stays as it is.
        bucket: From distances to buckets.

    Source: Song et al. (2020), "MPNet", NeurIPS, arXiv 2004.09297.
    """

    bias: Tensor

    def __init__(self, layer: nn.Module, bias: Tensor, bucket: Callable[..., Tensor]) -> None:
        super().__init__()
        self.layer = layer
        self.register_buffer("bias", bias.detach())
        self._bucket = bucket

    def forward(self, state: Tensor, penalty: Tensor) -> Tensor:
        """Return what the layer makes of a state, (n, tokens, width)."""
        place = torch.arange(state.shape[1], device=state.device)
        bucket = self._bucket(place[None] - place[:, None], num_buckets=len(self.bias))
        bias = self.bias[bucket].permute(2, 0, 1)[None].to(state.dtype)
        made: Tensor = self.layer(state, penalty, bias)[0]
        return made


def _readable(network: PreTrainedModel) -> list[nn.Module]:
    """Return the layers as modules of a state and a penalty for padding."""
    layers, encoder = list(cast(nn.ModuleList, _layers(network))), cast(nn.Module, network.encoder)
    if not hasattr(encoder, "relative_attention_bias"):
        return layers
    bias = cast(nn.Embedding, encoder.relative_attention_bias).weight
    bucket = cast(Callable[..., Tensor], encoder.relative_position_bucket)
    return [RelativeLayer(layer, bias, bucket) for layer in layers]


def _layers(network: PreTrainedModel) -> nn.ModuleList | None:
    layers = getattr(getattr(network, "encoder", None), "layer", None)
    return layers if isinstance(layers, nn.ModuleList) and hasattr(network, "embeddings") else None
