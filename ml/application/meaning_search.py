"""Search of past tests by meaning: the upkeep of its index, its answers, and the question for them.

A worker makes the index with the encoder of the predictor in use, the scoring service reads it, and
a web process asks the scoring service.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.conf import settings
from opentelemetry import trace

from ml import registry
from ml.application import scoring_client
from ml.application.predictions import token
from ml.application.predictor_loading import expected_failures, loaded_encoder, model_dir
from ml.history.archived_test import ArchivedTest
from ml.models import PredictorVersion

if TYPE_CHECKING:
    from ml.search.meaning_index import MeaningIndex

logger = logging.getLogger(__name__)
tracer = trace.get_tracer(__name__)

# Texts of one question, and characters of each that count.
MOST_TEXTS = 20
MOST_CHARACTERS = 300
MOST_FOUND = 500
# A worker has several threads, and the clock does not wait for the last update.
_building = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningQuestion:
    """A question to the index.

    Args:
        texts: Texts that a test may be near to, 1 to 20; of each the first 300 characters count.
        sites: Keys of the sites whose tests may be found.
        without: Key of a test that is not to be found, or None.
        count: Maximum number of tests, in [1, 500].

    Raises:
        ValueError: Naming the field that is out of range or of the wrong kind.

    >>> MeaningQuestion(texts=("free",), sites=(1,), count=0)
    Traceback (most recent call last):
    ...
    ValueError: count: must be a whole number in [1, 500], not 0
    """

    texts: Sequence[str]
    sites: Sequence[int]
    without: int | None = None
    count: int = 100

    def __post_init__(self) -> None:
        if not 0 < len(self.texts) <= MOST_TEXTS or not all(_is_text(one) for one in self.texts):
            raise ValueError(f"texts: must be 1 to {MOST_TEXTS} strings, none of them blank")
        if not all(_is_number(one) for one in self.sites):
            raise ValueError("sites: must be whole numbers")
        if self.without is not None and not _is_number(self.without):
            raise ValueError(f"without: must be a whole number, not {self.without!r}")
        if not _is_number(self.count) or not 0 < self.count <= MOST_FOUND:
            found = repr(self.count)
            raise ValueError(f"count: must be a whole number in [1, {MOST_FOUND}], not {found}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def update_meaning_index(stamp: str, read: Callable[[], Iterable[ArchivedTest]]) -> int | None:
    """Make the index anew if the archive or the encoder has changed; belongs in a worker.

    Args:
        stamp: Version of the archive.
        read: Reads the archive; called only if it is needed.

    Returns:
        Number of texts in the index; None if there was nothing to do, no predictor is in use, or
        another thread is at it.

    Raises:
        PredictorError: If the predictor in use or its encoder cannot be used.
    """
    version = registry.active_version()
    if version is None or not _building.acquire(blocking=False):
        return None
    try:
        with expected_failures():
            return _update(version, stamp, read)
    finally:
        _building.release()


def _update(
    version: PredictorVersion, stamp: str, read: Callable[[], Iterable[ArchivedTest]]
) -> int | None:
    from ml.search.index_file import index_path, read_index, read_stamp, write_index
    from ml.search.meaning_index import build_index

    path = index_path(_folder(), _fingerprint(version))
    if read_stamp(path) == stamp:
        return None
    encoder = loaded_encoder(version)
    index = build_index(read(), encoder, stamp=stamp, before=read_index(path))
    write_index(path, index)
    for other in _folder().glob("meaning-*.safetensors"):
        if other != path:
            other.unlink(missing_ok=True)
    return len(index.texts)


def find_by_meaning(question: MeaningQuestion) -> dict[str, Any]:
    """Return the past tests nearest to some texts; belongs in the scoring service.

    Args:
        question: Texts, and what may be found.

    Returns:
        `tests`: the fields of `ml.search.meaning_index.FoundTest`, the nearest first; None where
        no predictor is in use or a worker has made no index yet.

    Raises:
        PredictorError: If the predictor in use or its encoder cannot be used.
    """
    from ml.search.index_file import index_path
    from ml.search.meaning_index import search_index

    version = registry.active_version()
    if version is None:
        return {"tests": None}
    path = index_path(_folder(), _fingerprint(version))
    with expected_failures():
        index = _read(path, path.stat().st_mtime_ns) if path.exists() else None
        if index is None:
            return {"tests": None}
        texts = [text.strip()[:MOST_CHARACTERS] for text in question.texts]
        found = search_index(
            index,
            loaded_encoder(version).encode(texts),
            sites=question.sites,
            without=question.without,
            count=question.count,
        )
    return {"tests": [asdict(one) for one in found]}


def ask_by_meaning(question: MeaningQuestion) -> list[dict[str, Any]] | None:
    """Return `find_by_meaning` of the scoring service; None if it cannot answer.

    Loads nothing, so a web process may call it.

    Args:
        question: As in `find_by_meaning`.
    """
    with tracer.start_as_current_span("POST /search", kind=trace.SpanKind.CLIENT) as span:
        try:
            answer = scoring_client.post_question(
                settings.CTAOPT_SCORING_URL,
                asdict(question),
                token=token(),
                timeout_s=settings.CTAOPT_SCORING_TIMEOUT_S,
                path="/search",
            )
        except scoring_client.ServiceSilentError as error:
            span.set_status(trace.StatusCode.ERROR)
            logger.info("no answer from the scoring service: %s", error)
            return None
    found: list[dict[str, Any]] | None = answer["tests"]
    return found


def _folder() -> Path:
    # Stored; never rename.
    return model_dir() / "meaning"


def _fingerprint(version: PredictorVersion) -> str:
    fingerprint: str = version.training_record["configuration"]["encoder"]["fingerprint"]
    return fingerprint


@lru_cache(maxsize=1)
def _read(path: Path, _changed_ns: int) -> "MeaningIndex | None":
    """Return the stored index, read once for as long as its file stays."""
    from ml.search.index_file import read_index

    return read_index(path)
