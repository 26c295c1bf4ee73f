"""Similar past wordings with their measured results, shown beside a prediction."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from ml.dataset.contrast_groups import ContrastGroup
from ml.dataset.near_duplicates import tokenise


@dataclass(frozen=True, slots=True, kw_only=True)
class PastWording:
    """One wording of one past test.

    Args:
        text: The wording.
        test: Key of the test.
        locale: Language tag; empty when unknown.
        visitors: Visitors it was shown to.
        clicks: Clicking visitors.
        lift_in_test: Its click rate over that of its group, minus 1.
    """

    # Stored; never rename.
    text: str
    test: str
    locale: str
    visitors: int
    clicks: int
    lift_in_test: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NearWording(PastWording):
    """A past wording that resembles a new one.

    Args:
        click_rate: Its clicks over its visitors.
        likeness: Cosine likeness, in [-1, 1].
    """

    click_rate: float
    likeness: float


def past_wordings(groups: Sequence[ContrastGroup]) -> tuple[PastWording, ...]:
    """Return every arm of the groups with its measured result, in order.

    Args:
        groups: Contrast groups; each has clicks.

    >>> from ml.dataset.contrast_groups import build_groups
    >>> from ml.history.row import HistoryRow
    >>> rows = [
    ...     HistoryRow(test="t", context="", text=text, visitors=100, clicks=clicks)
    ...     for text, clicks in [("Go", 6), ("Try", 2)]
    ... ]
    >>> [past.lift_in_test for past in past_wordings(build_groups(rows).groups)]
    [0.5, -0.5]
    """
    return tuple(
        PastWording(
            text=text,
            test=group.test,
            locale=group.locale,
            visitors=visitors,
            clicks=clicks,
            lift_in_test=clicks / visitors * sum(group.visitors) / sum(group.clicks) - 1,
        )
        for group in groups
        for text, visitors, clicks in zip(group.texts, group.visitors, group.clicks, strict=True)
    )


def nearest_wordings(
    likeness: NDArray[np.float32], past: Sequence[PastWording], count: int
) -> tuple[NearWording, ...]:
    """Return the nearest past wordings with distinct texts, most similar first.

    Args:
        likeness: Cosine likeness of one wording with every past one, float32 (n,).
        past: Past wordings, n; the one with the most visitors represents equal texts.
        count: Maximum number.

    >>> nearest_wordings(np.array([], dtype=np.float32), [], 3)
    ()
    """
    # More than `count`, because the same wording may occur in many tests.
    some = min(len(past), 32 * count)
    if not some:
        return ()
    least = np.partition(likeness, len(past) - some)[len(past) - some]
    near = np.flatnonzero(likeness >= least)
    top = near[np.argsort(-likeness[near], kind="stable")][:some]
    order = sorted(top, key=lambda at: (-round(float(likeness[at]), 3), -past[at].visitors))
    shown: dict[str, NearWording] = {}
    for at in order:
        if len(shown) == count or likeness[at] <= 0:
            break
        wording = past[at]
        resembling = NearWording(
            **asdict(wording),
            click_rate=wording.clicks / wording.visitors,
            likeness=float(likeness[at]),
        )
        shown.setdefault(resembling.text, resembling)
    return tuple(shown.values())


class WordIndex:
    """Past wordings by their words of three letters or more; made once, asked for each ranking.

    Args:
        past: Past wordings, n.
    """

    def __init__(self, past: Sequence[PastWording]) -> None:
        places: defaultdict[str, list[int]] = defaultdict(list)
        sizes = np.zeros(len(past), dtype=np.float32)
        for at, wording in enumerate(past):
            words = _content_words(wording.text)
            sizes[at] = len(words)
            for word in words:
                places[word].append(at)
        self._sizes = sizes
        self._places = {word: np.array(rows) for word, rows in places.items()}

    def likeness(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return the share of words in common with each past wording.

        Args:
            texts: Wordings at hand.

        Returns:
            The Jaccard index with the likest of the texts, float32 (n,).

        >>> WordIndex([]).likeness(["Get the guide"]).shape
        (0,)
        """
        best = np.zeros_like(self._sizes)
        for text in texts:
            words = _content_words(text)
            shared = np.zeros_like(self._sizes)
            for word in words & self._places.keys():
                shared[self._places[word]] += 1
            either = np.maximum(self._sizes + len(words) - shared, 1)
            best = np.maximum(best, shared / either)
        return best


def _content_words(text: str) -> set[str]:
    return {word for word in tokenise(text) if len(word) > 2}
