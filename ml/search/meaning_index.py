"""Index of past tests by the meaning of their texts: vectors of an encoder, searched whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.encoders.base import Encoder
from ml.history.archived_test import ArchivedTest

# The cosine of unrelated texts differs between encoders (0.1 of one, 0.8 of another): a test is
# near if it is at least this part of the way from the mean of all to the nearest.
NEAR = 0.5
# Texts encoded at a time, by a worker that has other work: half a minute without an int8 copy.
MOST_FRESH = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MeaningIndex:
    """Texts of past tests with their vectors.

    Args:
        fingerprint: Fingerprint of the encoder.
        stamp: Version of the archive that was read; empty if some of its texts are not there yet.
        texts: Distinct texts, m.
        vectors: One unit row a text, float32 (m, d).
        text_at: Place in `texts` of each entry, int32 (k,).
        tests: Key of the test of each entry, int64 (k,); those of a test stand together.
        sites: Key of the site of each entry, int64 (k,).
    """

    fingerprint: str
    stamp: str
    texts: tuple[str, ...]
    vectors: NDArray[np.float32]
    text_at: NDArray[np.int32]
    tests: NDArray[np.int64]
    sites: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTest:
    """A past test that is near in meaning.

    Args:
        test: Its key.
        text: The nearest of its texts.
        likeness: Cosine likeness of that text, in [-1, 1].
    """

    test: int
    text: str
    likeness: float


def build_index(
    tests: Iterable[ArchivedTest],
    encoder: Encoder,
    *,
    stamp: str,
    before: MeaningIndex | None = None,
    most_fresh: int = MOST_FRESH,
) -> MeaningIndex:
    """Return the index of these tests; texts that stand in an earlier one are not encoded again.

    Args:
        tests: Past tests, n; blank texts are left out.
        encoder: Encoder of the texts.
        stamp: Version of the archive; not empty.
        before: An earlier index; one of another encoder is not used.
        most_fresh: Number of texts to encode, >= 1; the others are left to the next time, and the
            stamp stays empty until then.
    """
    entries = [(row, text) for row in tests for text in dict.fromkeys(row.texts) if text.strip()]
    texts = list(dict.fromkeys(text for _, text in entries))
    is_usable = before is not None and before.fingerprint == encoder.fingerprint
    known = {text: at for at, text in enumerate(before.texts)} if before and is_usable else {}
    fresh = [text for text in texts if text not in known]
    made = dict(zip(fresh, encoder.encode(fresh[:most_fresh]), strict=False))
    there = [text for text in texts if text in known or text in made]
    place = {text: at for at, text in enumerate(there)}
    vectors = np.empty((len(place), encoder.dimension), dtype=np.float32)
    for text, at in place.items():
        vectors[at] = before.vectors[known[text]] if before and text in known else made[text]
    placed = [(row, place[text]) for row, text in entries if text in place]
    return MeaningIndex(
        fingerprint=encoder.fingerprint,
        stamp=stamp if len(fresh) <= most_fresh else "",
        texts=tuple(place),
        vectors=vectors,
        text_at=np.array([at for _, at in placed], dtype=np.int32),
        tests=np.array([row.test for row, _ in placed], dtype=np.int64),
        sites=np.array([row.site for row, _ in placed], dtype=np.int64),
    )


def search_index(
    index: MeaningIndex,
    queries: NDArray[np.float32],
    *,
    sites: Sequence[int],
    without: int | None = None,
    count: int,
) -> tuple[FoundTest, ...]:
    """Return the tests nearest to any of some texts, the nearest first.

    Args:
        index: The index.
        queries: Unit vectors of the texts, float32 (q, d).
        sites: Keys of the sites whose tests may be found.
        without: Key of a test that is not to be found.
        count: Maximum number.

    Returns:
        Those at least half the way from the mean of what may be found to the nearest.
    """
    is_open = np.isin(index.sites, np.array(list(sites), dtype=np.int64))
    if without is not None:
        is_open &= index.tests != without
    places = np.flatnonzero(is_open)
    if not len(places) or not len(queries):
        return ()
    of_text = (index.vectors @ queries.T).max(axis=1)
    scores = of_text[index.text_at[places]]
    least = scores.mean() + NEAR * (scores.max() - scores.mean())
    near = places[scores >= least]
    order = near[np.argsort(-of_text[index.text_at[near]], kind="stable")]
    found: dict[int, FoundTest] = {}
    for at in order:
        if len(found) == count:
            break
        test, text_at = int(index.tests[at]), index.text_at[at]
        if test not in found:
            likeness = float(of_text[text_at])
            found[test] = FoundTest(test=test, text=index.texts[text_at], likeness=likeness)
    return tuple(found.values())
