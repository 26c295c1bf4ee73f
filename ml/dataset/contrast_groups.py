"""Contrast groups: arms of one test that differ only in wording, the unit of comparison."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from numpy.typing import NDArray

from ml.history.row import HistoryRow


@dataclass(frozen=True, slots=True, kw_only=True)
class ContrastGroup:
    """Arms of one test and context; equal wordings are pooled.

    Args:
        test: Key of the test.
        context: Everything the arms share apart from the wording.
        audience: Audience key; empty when unknown.
        locale: Language tag; empty when unknown.
        form: CTA form; empty when unknown.
        placement: Position of the slot; empty when unknown.
        texts: K >= 2 different wordings, normalised.
        visitors: Visitors of each arm, each >= 1; length K.
        clicks: Clicking visitors of each arm; length K, sum >= 1.
        assets: Keys of stories or assets used; a split never separates their groups.
        suspect: True if the randomisation of one of the arms is known to be faulty.
        ended_on: Last day on which an arm of it ended; None when unknown.

    >>> build_groups(
    ...     HistoryRow(test="t", context="", text=text, visitors=100, clicks=9) for text in "AB"
    ... ).groups[0].texts
    ('A', 'B')
    """

    test: str
    context: str
    audience: str
    locale: str
    form: str
    placement: str
    texts: tuple[str, ...]
    visitors: tuple[int, ...]
    clicks: tuple[int, ...]
    assets: frozenset[str]
    suspect: bool
    ended_on: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Contrast groups of a history, with counts of those dropped.

    Args:
        groups: Usable groups, in order of first appearance.
        single_text: Groups dropped because fewer than two wordings had visitors.
        no_clicks: Groups dropped because they had no clicks.
        replicate_chi2: Pearson's chi-squared, summed, of the click rates of arms that were pooled
            because their wordings are equal (suspect groups left out): pure noise.
        replicate_dof: Its degrees of freedom. The ratio is 1 if the noise is binomial.
    """

    groups: tuple[ContrastGroup, ...]
    single_text: int
    no_clicks: int
    replicate_chi2: float
    replicate_dof: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Arms:
    """The arms of many groups as parallel arrays, group after group.

    Args:
        texts: Wordings, length n.
        group: Index of the group of each arm, int64 (n,), not decreasing, no gaps.
        visitors: Visitors, float64 (n,).
        clicks: Clicking visitors, float64 (n,).
        trust: Factor on the evidence of each arm in training, float64 (n,), >= 0; None:
            1 for all.
    """

    texts: tuple[str, ...]
    group: NDArray[np.int64]
    visitors: NDArray[np.float64]
    clicks: NDArray[np.float64]
    trust: NDArray[np.float64] | None = None

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.group[-1]) + 1 if len(self.group) else 0


def normalise_text(text: str) -> str:
    """Normalise a wording for comparison: NFC, single spaces; case and accents unchanged.

    Args:
        text: Any string.

    >>> normalise_text("  Je  de\u0301couvre ")
    'Je découvre'
    """
    return " ".join(unicodedata.normalize("NFC", text).split())


def build_groups(rows: Iterable[HistoryRow]) -> Dataset:
    """Pool rows into contrast groups and drop those without a comparison.

    Rows with equal test, context, audience, locale, form and placement form a group: they differ
    only in wording.

    Args:
        rows: History rows in any order.

    Returns:
        The usable groups and the counts of dropped ones. Arms without visitors are left out.

    >>> rows = [
    ...     HistoryRow(test="t", context="", text=text, visitors=50, clicks=clicks)
    ...     for text, clicks in [("Go", 5), ("Try", 2), ("Go ", 1)]
    ... ]
    >>> group = build_groups(rows).groups[0]
    >>> group.texts, group.visitors, group.clicks
    (('Go', 'Try'), (100, 50), (6, 2))
    """
    drafts: dict[tuple[str, ...], _Draft] = {}
    for row in rows:
        drafts.setdefault(_group_key(row), _Draft()).add(row)
    groups: list[ContrastGroup] = []
    single_text = no_clicks = 0
    for key, draft in drafts.items():
        if len(draft.arms) < 2:
            single_text += 1
        elif not draft.any_clicks():
            no_clicks += 1
        else:
            groups.append(draft.finish(key))
    noise = [part for draft in drafts.values() if not draft.suspect for part in draft.replicates()]
    return Dataset(
        groups=tuple(groups),
        single_text=single_text,
        no_clicks=no_clicks,
        replicate_chi2=sum(chi2 for chi2, _ in noise),
        replicate_dof=sum(dof for _, dof in noise),
    )


def stack_arms(
    groups: Sequence[ContrastGroup], *, trust: Sequence[float] | NDArray[np.float64] | None = None
) -> Arms:
    """Return the arms of the groups as parallel arrays.

    Args:
        groups: Contrast groups, length g.
        trust: Factor on the evidence of each group in training, length g, >= 0; None: 1 for all.

    >>> rows = [HistoryRow(test="t", context="", text=text, visitors=9, clicks=1) for text in "AB"]
    >>> stack_arms(build_groups(rows).groups).group
    array([0, 0])
    """
    sizes = [len(group.texts) for group in groups]
    return Arms(
        texts=tuple(text for group in groups for text in group.texts),
        group=np.repeat(np.arange(len(groups), dtype=np.int64), sizes),
        visitors=np.array([n for group in groups for n in group.visitors], dtype=np.float64),
        clicks=np.array([c for group in groups for c in group.clicks], dtype=np.float64),
        trust=None if trust is None else np.repeat(np.asarray(trust, dtype=np.float64), sizes),
    )


def sum_by_group(
    values: NDArray[np.float64], group: NDArray[np.int64], n_groups: int
) -> NDArray[np.float64]:
    """Return the sum of the values of each group.

    Args:
        values: Float64 (n,).
        group: Group index, int64 (n,), in [0, n_groups).
        n_groups: Number of groups; one without values sums to 0.

    >>> sum_by_group(np.array([1.0, 3.0, 7.0]), np.array([0, 0, 2]), 3)
    array([4., 0., 7.])
    """
    return np.asarray(np.bincount(group, values, minlength=n_groups), dtype=np.float64)


def center_in_group(values: NDArray[np.float64], group: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the values less the plain mean of their group, whose level has unobserved causes.

    Args:
        values: Float64 (n,) or (n, d).
        group: Group index, int64 (n,), in [0, number of groups).

    >>> center_in_group(np.array([1.0, 3.0, 7.0]), np.array([0, 0, 1]))
    array([-1.,  1.,  0.])
    """
    counts = np.bincount(group)
    sums = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(sums, group, values)
    means = sums / counts.reshape(-1, *([1] * (values.ndim - 1)))
    return np.asarray(values - means[group])


@dataclass(slots=True)
class _Draft:
    """A group under construction: wording -> [(visitors, clicks), ...]."""

    arms: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    assets: set[str] = field(default_factory=set)
    suspect: bool = False
    ended_on: date | None = None

    def add(self, row: HistoryRow) -> None:
        if row.visitors:
            arm = self.arms.setdefault(normalise_text(row.text), [])
            arm.append((row.visitors, row.clicks))
        if row.group:
            self.assets.add(row.group)
        self.suspect |= row.suspect
        if row.ended_on and (self.ended_on is None or row.ended_on > self.ended_on):
            self.ended_on = row.ended_on

    def any_clicks(self) -> bool:
        return any(clicks for parts in self.arms.values() for _, clicks in parts)

    def finish(self, key: tuple[str, ...]) -> ContrastGroup:
        test, context, audience, locale, form, placement = key
        return ContrastGroup(
            test=test,
            context=context,
            audience=audience,
            locale=locale,
            form=form,
            placement=placement,
            texts=tuple(self.arms),
            visitors=tuple(sum(n for n, _ in parts) for parts in self.arms.values()),
            clicks=tuple(sum(c for _, c in parts) for parts in self.arms.values()),
            assets=frozenset(self.assets),
            suspect=self.suspect,
            ended_on=self.ended_on,
        )

    def replicates(self) -> list[tuple[float, int]]:
        return [_homogeneity(parts) for parts in self.arms.values() if len(parts) > 1]


def _group_key(row: HistoryRow) -> tuple[str, ...]:
    return (row.test, row.context, row.audience, row.locale, row.form, row.placement)


def _homogeneity(parts: list[tuple[int, int]]) -> tuple[float, int]:
    """Return Pearson's chi-squared of equal click rates, and its degrees of freedom."""
    visitors, clicks = (sum(column) for column in zip(*parts, strict=True))
    if clicks in (0, visitors):
        return 0.0, 0
    rate = clicks / visitors
    chi2 = sum((c - n * rate) ** 2 / (n * rate * (1 - rate)) for n, c in parts)
    return chi2, len(parts) - 1
