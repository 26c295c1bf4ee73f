"""Index of past tests by the meaning of their texts: vectors of an encoder, searched whole."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ml.encoders.base import Encoder
from ml.history.archived_test import ArchivedTest
from ml.search.unrelated_texts import unrelated_texts

# The cosine of unrelated texts differs between encoders (0.1 of one, 0.8 of another): a test is
# near if it is at least this part of the way from the mean of all to the nearest.
NEAR = 0.5
# A question is compared with the unrelated texts most like it. `benchmarks/bench_meaning_floor.py`
# measured this choice and others, with questions that are none of these texts.
COHORT, QUANTILE = 60, 0.9
# Words of the unrelated phrases that any text may have.
LITTLE_WORDS = """
a an and at by his how in of on the three two were
aux avec d de des deux du en et la le les l pour sa ses sous sur trois un une
"""
Nearness = Literal["very_close", "close", "loose"]
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
        unrelated: One unit row for each unrelated text, float32 (u, d); none of them has a word
            of `texts`.
        unrelated_best: Highest cosine likeness of each to any of `texts`, float32 (u,).
    """

    fingerprint: str
    stamp: str
    texts: tuple[str, ...]
    vectors: NDArray[np.float32]
    text_at: NDArray[np.int32]
    tests: NDArray[np.int64]
    sites: NDArray[np.int64]
    unrelated: NDArray[np.float32]
    unrelated_best: NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundTest:
    """A past test that is near in meaning.

    Args:
        test: Its key.
        text: The nearest of its texts.
        likeness: Cosine likeness of that text, in [-1, 1].
        nearness: "close" if no unrelated text is as like any text of the archive, "very_close" if
            it is moreover nearer to being the same text than to that, otherwise "loose".
    """

    test: int
    text: str
    likeness: float
    nearness: Nearness


def build_index(
    tests: Iterable[ArchivedTest],
    encoder: Encoder,
    *,
    stamp: str,
    before: MeaningIndex | None = None,
    most_fresh: int = MOST_FRESH,
    strangers: Sequence[str] | None = None,
) -> MeaningIndex:
    """Return the index of these tests; texts that stand in an earlier one are not encoded again.

    Args:
        tests: Past tests, n; blank texts are left out.
        encoder: Encoder of the texts.
        stamp: Version of the archive; not empty.
        before: An earlier index; one of another encoder is not used.
        most_fresh: Number of texts to encode, >= 1; the others are left to the next time, and the
            stamp stays empty until then.
        strangers: Unrelated texts; None: those of `unrelated_texts`.
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
    unrelated = _unrelated(unrelated_texts() if strangers is None else strangers, there, encoder)
    return MeaningIndex(
        fingerprint=encoder.fingerprint,
        stamp=stamp if len(fresh) <= most_fresh else "",
        texts=tuple(place),
        vectors=vectors,
        text_at=np.array([at for _, at in placed], dtype=np.int32),
        tests=np.array([row.test for row, _ in placed], dtype=np.int64),
        sites=np.array([row.site for row, _ in placed], dtype=np.int64),
        unrelated=unrelated,
        unrelated_best=(unrelated @ vectors.T).max(axis=1, initial=-1.0),
    )


def _unrelated(
    strangers: Sequence[str], texts: Iterable[str], encoder: Encoder
) -> NDArray[np.float32]:
    """Return the vectors of those unrelated texts that have no word of the archive."""
    words = {word for text in texts for word in _words(text)} - _words(LITTLE_WORDS)
    strange = [text for text in strangers if words.isdisjoint(_words(text))]
    if not strange:
        return np.empty((0, encoder.dimension), dtype=np.float32)
    return encoder.encode(strange)


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


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
        Those at least half the way from the mean of what may be found to the nearest, and more
        alike than 90 % of the unrelated texts most like the question are to any text.

    Source: the choice of the cohort by the question, as in Sturim and Reynolds (2005), "Speaker
    adaptive cohort selection for Tnorm in text-independent speaker verification", ICASSP.
    """
    is_open = np.isin(index.sites, np.array(list(sites), dtype=np.int64))
    if without is not None:
        is_open &= index.tests != without
    places = np.flatnonzero(is_open)
    if not len(places) or not len(queries):
        return ()
    likeness = index.vectors @ queries.T
    of_text = likeness.max(axis=1)
    is_something = (likeness - _floors(index, queries)).max(axis=1) > 0
    scores = of_text[index.text_at[places]]
    least = scores.mean() + NEAR * (scores.max() - scores.mean())
    near = places[(scores >= least) & is_something[index.text_at[places]]]
    order = near[np.argsort(-of_text[index.text_at[near]], kind="stable")]
    found: dict[int, FoundTest] = {}
    for at in order:
        if len(found) == count:
            break
        test, text_at = int(index.tests[at]), index.text_at[at]
        if test not in found:
            found[test] = FoundTest(
                test=test,
                text=index.texts[text_at],
                likeness=float(of_text[text_at]),
                nearness=_nearness(float(of_text[text_at]), index),
            )
    return tuple(found.values())


def _floors(index: MeaningIndex, queries: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the likeness that a text must exceed for each question, float32 (q,)."""
    if not len(index.unrelated):
        return np.full(len(queries), -1.0, dtype=np.float32)
    nearest = np.argsort(-(queries @ index.unrelated.T), axis=1, kind="stable")[:, :COHORT]
    floors = np.quantile(index.unrelated_best[nearest], QUANTILE, axis=1, method="higher")
    return floors.astype(np.float32)


def _nearness(likeness: float, index: MeaningIndex) -> Nearness:
    highest = float(index.unrelated_best.max(initial=-1.0))
    if likeness <= highest:
        return "loose"
    return "very_close" if likeness >= (1 + highest) / 2 else "close"
