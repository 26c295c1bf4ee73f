"""Loading of stored predictors: their folder, a cache, and the expected failures.

Everything heavy is imported inside the functions that need it: the web process imports this module
and loads no model.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.conf import settings

from ml.models import PredictorVersion
from ml.presentation.messages import sentence

if TYPE_CHECKING:
    from ml.encoders.cache import CachedEncoder
    from ml.scoring.scorer import Scorer

# Vectors of typed wordings that a scoring process keeps.
REMEMBERED_TEXTS = 20_000


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


def cached_encoder(folder: Path | None) -> "CachedEncoder":
    """Return the configured encoder with a cache.

    Args:
        folder: Folder of the cache; None keeps it in memory, bounded.

    Raises:
        EncoderError: If the encoder cannot be used.
    """
    from ml.encoders.cache import CachedEncoder
    from ml.encoders.sentence_encoder import load_encoder

    limit = None if folder else REMEMBERED_TEXTS
    return CachedEncoder(load_encoder(settings.CTAOPT_ENCODER), folder, limit=limit)


@lru_cache(maxsize=2)
def _load(folder: Path, _encoder: str, *, fast: bool) -> "Scorer":
    from ml.encoders.int8_encoder import Int8Encoder
    from ml.scoring.scorer import load_scorer

    make = (lambda: Int8Encoder(folder)) if fast else (lambda: cached_encoder(None))
    return load_scorer(folder, make_encoder=make)


def scorer(version: PredictorVersion, *, fast: bool = False) -> "Scorer":
    """Return the predictor in memory.

    Args:
        version: One with files.
        fast: True to use the int8 copy of its encoder, if training found it equivalent.
    """
    copy = version.training_record.get("fast_copy")
    # A folder never changes once it is published, so it is loaded once by each process.
    folder = model_dir() / version.artifact
    return _load(folder, settings.CTAOPT_ENCODER, fast=fast and bool(copy and copy["is_equal"]))
