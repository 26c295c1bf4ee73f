"""Loading of stored predictors: their folder, a cache, and the expected failures.

Everything heavy is imported inside the functions that need it: the web process imports this module
and loads no model.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ml.encoders.catalogue import KNOWN
from ml.encoders.installed import InstalledEncoder, find_encoder, list_installed, model_folder
from ml.models import PredictorVersion
from ml.presentation.messages import sentence

if TYPE_CHECKING:
    from ml.encoders.base import Encoder
    from ml.encoders.cache import CachedEncoder
    from ml.scoring.scorer import Scorer

logger = logging.getLogger(__name__)

# Vectors of typed wordings that a scoring process keeps.
REMEMBERED_TEXTS = 20_000
# The encoder that comes with the product.
PACKAGED = next(each for each in KNOWN.values() if not each.packages)


class PredictorError(Exception):
    """Expected failure; its text is a sentence for people in the current language.

    Args:
        code: Key of `ml.presentation.messages.SENTENCES`.
        params: Figures and names of the sentence.
    """

    def __init__(self, code: str, params: Mapping[str, Any]) -> None:
        self.code = code
        self.params = dict(params)
        super().__init__(sentence(code, params))


@contextmanager
def expected_failures() -> Iterator[None]:
    """Turn what can go wrong in the core into one error with a sentence."""
    from ml.errors import ArtifactError, EncoderError, FitError, TooLittleHistoryError

    try:
        yield
    except TooLittleHistoryError as error:
        params = {"found": error.found, "needed": error.needed}
        raise PredictorError(f"too_few_{error.kind}", params) from error
    except ArtifactError as error:
        raise PredictorError("damaged", {"detail": error}) from error
    except EncoderError as error:
        raise PredictorError("encoder", {"detail": error}) from error
    except FitError as error:
        raise PredictorError("not_fitted", {"detail": error}) from error
    except OSError as error:
        raise PredictorError("disk", {"detail": error}) from error


def model_dir() -> Path:
    """Return the folder of all stored predictors."""
    return Path(settings.CTAOPT_MODEL_DIR)


def encoder_dir() -> Path:
    """Return the folder of all installed encoders."""
    return Path(settings.CTAOPT_ENCODER_DIR)


def installed_encoders() -> list[InstalledEncoder]:
    """Return the encoders that were installed, the smallest first."""
    return list_installed(encoder_dir())


def cached_encoder(folder: Path | None, *, key: str | None = None) -> "CachedEncoder":
    """Return an encoder with a cache.

    Args:
        folder: Folder of the cache; None keeps it in memory, bounded.
        key: Key of an installed encoder; None: the configured one.

    Raises:
        EncoderError: If the encoder cannot be used.
    """
    from ml.encoders.cache import CachedEncoder
    from ml.encoders.sentence_encoder import load_encoder

    limit = None if folder else REMEMBERED_TEXTS
    key = settings.CTAOPT_ENCODER if key is None else key
    about = next((each for each in installed_encoders() if each.key == key), None)
    if about:
        place = str(model_folder(encoder_dir(), about.key))
        encoder = load_encoder(place, name=about.key, languages=about.languages)
    else:
        encoder = load_encoder("" if key == PACKAGED.key else key)
    return CachedEncoder(encoder, folder, limit=limit)


def training_encoders(folder: Path) -> list["CachedEncoder"]:
    """Return the encoders that a training compares, the smallest first.

    Args:
        folder: Folder of their caches.

    Returns:
        The one that the operator configured, alone; otherwise the packaged and every installed.

    Raises:
        EncoderError: If the configured or the packaged one cannot be used; an installed one that
            cannot be is left out, and logged.
    """
    from ml.errors import EncoderError

    encoders = [cached_encoder(folder)]
    if settings.CTAOPT_ENCODER:
        return encoders
    for each in installed_encoders():
        try:
            encoders.append(cached_encoder(folder, key=each.key))
        except EncoderError as error:
            logger.warning("an installed encoder is left out: %s", error)
    return encoders


def encoder_of(version: PredictorVersion) -> str | None:
    """Return the key of the encoder that a predictor was trained on, for `cached_encoder`.

    Args:
        version: The predictor.

    Returns:
        An empty string for the configured encoder; None if it is not on this machine.
    """
    wanted = version.training_record["configuration"]["encoder"]
    if found := find_encoder(installed_encoders(), wanted["fingerprint"]):
        return found.key
    if wanted["name"] == PACKAGED.title:
        return PACKAGED.key
    # Loading compares the fingerprints.
    return settings.CTAOPT_ENCODER or None


@lru_cache(maxsize=2)
def _load(folder: Path, encoder: str, *, fast: bool) -> "Scorer":
    from ml.scoring.scorer import load_scorer

    return load_scorer(folder, make_encoder=lambda: _load_encoder(folder, encoder, fast=fast))


@lru_cache(maxsize=2)
def _load_encoder(folder: Path, encoder: str, *, fast: bool) -> "Encoder":
    from ml.encoders.int8_encoder import Int8Encoder

    return Int8Encoder(folder) if fast else cached_encoder(None, key=encoder)


def scorer(version: PredictorVersion, *, fast: bool = False) -> "Scorer":
    """Return the predictor in memory.

    Args:
        version: One with files.
        fast: True to use the int8 copy of its encoder, if training found it equivalent.

    Raises:
        EncoderMissingError: If its encoder is needed and is not on this machine.
    """
    from ml.errors import EncoderMissingError

    # A folder never changes once it is published, so it is loaded once by each process.
    folder = model_dir() / version.artifact
    if fast and _has_fast_copy(version):
        return _load(folder, "", fast=True)
    encoder = "" if version.strategy in _WITHOUT_ENCODER else encoder_of(version)
    if encoder is None:
        raise EncoderMissingError(version.training_record["configuration"]["encoder"]["name"])
    return _load(folder, encoder, fast=False)


def loaded_encoder(version: PredictorVersion) -> "Encoder":
    """Return the encoder of a predictor in memory: its int8 copy if there is one.

    Args:
        version: One with files.

    Raises:
        EncoderMissingError: If it is not on this machine.
    """
    from ml.errors import EncoderMissingError

    folder = model_dir() / version.artifact
    if _has_fast_copy(version):
        return _load_encoder(folder, "", fast=True)
    encoder = encoder_of(version)
    if encoder is None:
        raise EncoderMissingError(version.training_record["configuration"]["encoder"]["name"])
    return _load_encoder(folder, encoder, fast=False)


def _has_fast_copy(version: PredictorVersion) -> bool:
    copy = version.training_record.get("fast_copy")
    return bool(copy and copy["is_equal"])


_WITHOUT_ENCODER = frozenset({"no_text", "tfidf"})
