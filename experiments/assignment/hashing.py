"""Arm assignment by hash: bucket ranges and namespaces, without storage.

Assignment follows GrowthBook's hash version 2, so that a browser, a CDN or one of
GrowthBook's open SDKs finds the same arm from the same numbers. Hash version 1 is
here for one thing only, the membership test of its namespaces: as an assignment it
correlates experiments whose names resemble each other.

Source of all rules: GrowthBook, "Build your own SDK", spec 0.8.0.
"""

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

Range = tuple[float, float]

HASH_VERSION: Final = 2
FNV_OFFSET: Final = 0x811C9DC5
FNV_PRIME: Final = 0x01000193
BUCKETS: Final = 10_000  # hash version 2 resolves steps of 0.01 %
NAMESPACE_BUCKETS: Final = 1_000  # hash version 1: 0.1 %
SHARES_TOLERANCE: Final = 1e-6  # far below one bucket, far above float noise

NO_UNIT: Final = "no_unit"
OUTSIDE_NAMESPACE: Final = "outside_namespace"
OUTSIDE_COVERAGE: Final = "outside_coverage"


def fnv1a32(text: str, state: int = FNV_OFFSET) -> int:
    """Return the 32-bit FNV-1a hash of the UTF-16 code units of a text.

    Whole code units are mixed in, not bytes: that is what a browser does.

    Args:
        text: Any text; a lone surrogate counts as one unit.
        state: Hash of what went before, so that a constant prefix is hashed once.

    Returns:
        Integer in [0, 2^32).

    Source: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm"
    (IETF draft-eastlake-fnv), 32-bit parameters.

    >>> fnv1a32("a")
    3826002220
    >>> fnv1a32("b", fnv1a32("a")) == fnv1a32("ab")
    True
    """
    units: Sequence[int]
    if text.isascii():
        units = text.encode("ascii")
    else:
        units = memoryview(text.encode("utf-16-le", "surrogatepass")).cast("H")
    for unit in units:
        state = ((state ^ unit) * FNV_PRIME) & 0xFFFFFFFF
    return state


def hash_unit(seed: str, unit: str) -> float:
    """Return the place of a unit on [0, 1) by GrowthBook's hash version 2.

    Args:
        seed: Names the experiment or namespace; another seed, another shuffle.
        unit: Visitor id, or another identifier that is randomised.

    Returns:
        Multiple of 0.0001 in [0, 1).

    Source: GrowthBook SDK spec 0.8.0, `hash`, version 2.

    >>> hash_unit("seed", "a"), hash_unit("foo", "ab")
    (0.0505, 0.2575)
    """
    return _bucket(fnv1a32(seed), unit)


def in_namespace(unit: str, namespace: str, start: float, end: float) -> bool:
    """Return whether a unit lies in a part of a GrowthBook namespace (hash version 1).

    Needed to read experiments that come from GrowthBook; ctaopt's own are kept apart
    by `NamespaceFilter`, which uses version 2.

    Args:
        unit: Visitor id.
        namespace: Name of the namespace.
        start: First place that belongs to the part, in [0, 1].
        end: First place after it, in [0, 1].

    Returns:
        True if start <= place < end.

    Source: GrowthBook SDK spec 0.8.0, `inNamespace`.

    >>> in_namespace("1", "namespace1", 0.4, 1)
    True
    """
    place = fnv1a32(f"{unit}__{namespace}") % NAMESPACE_BUCKETS / NAMESPACE_BUCKETS
    return start <= place < end


def equal_shares(n_arms: int) -> list[float]:
    """Return equal shares for a number of arms; none for zero or fewer.

    Source: GrowthBook SDK spec 0.8.0, `getEqualWeights`.

    >>> equal_shares(4)
    [0.25, 0.25, 0.25, 0.25]
    """
    return [1 / n_arms] * n_arms if n_arms > 0 else []


def bucket_ranges(
    n_arms: int, coverage: float, shares: Sequence[float] | None = None
) -> list[Range]:
    """Return the range of places that belongs to each arm.

    Arms start at the cumulative shares and are cut to share x coverage, so that a
    lower coverage sends some visitors away and leaves the others where they were.
    Forgiving like GrowthBook's SDKs, which must serve any input;
    `compile_allocation` is the strict way in.

    Args:
        n_arms: Number of arms, control first.
        coverage: Part of the visitors taken in; cut to [0, 1].
        shares: One share an arm. Equal shares stand in for none, for a wrong
            number of them, and for a sum more than 0.01 away from 1.

    Returns:
        Pairs (start, end), end exclusive, in the order of the arms.

    Source: GrowthBook SDK spec 0.8.0, `getBucketRange`.

    >>> bucket_ranges(2, 0.5)
    [(0.0, 0.25), (0.5, 0.75)]
    """
    coverage = min(max(coverage, 0.0), 1.0)
    if shares is None or len(shares) != n_arms or not 0.99 <= sum(shares) <= 1.01:
        shares = equal_shares(n_arms)
    ranges, start = [], 0.0
    for share in shares:
        # The same additions in the same order as the SDKs: equal to the last bit.
        ranges.append((start, start + coverage * share))
        start += share
    return ranges


def choose_variation(place: float, ranges: Sequence[Range]) -> int:
    """Return the index of the first range that holds a place, or -1.

    Source: GrowthBook SDK spec 0.8.0, `chooseVariation`.

    >>> choose_variation(0.6, [(0, 0.5), (0.5, 1)])
    1
    >>> choose_variation(0.4, [(0, 0.25), (0.5, 0.75)])
    -1
    """
    for index, (start, end) in enumerate(ranges):
        if start <= place < end:
            return index
    return -1


@dataclass(frozen=True, slots=True, kw_only=True)
class NamespaceFilter:
    """The part of a namespace in which an experiment (or the rest of a holdout) runs.

    A namespace owns its seed, its unit and its hash version (2), so experiments that
    share it never disagree about where a visitor lies: disjoint ranges exclude each
    other, independent of the attribute that the experiments randomise by.

    Attributes:
        seed: Seed of the namespace, the same in each of its experiments.
        ranges: Places in [0, 1] taken in, each (start, end), end exclusive.
        unit: Name of the identifier to hash; None is the visitor id.
    """

    seed: str
    ranges: tuple[Range, ...]
    unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """The arm of a visitor, or the reason why there is none.

    Attributes:
        arm: Index of the arm, control 0; None if the visitor is not taken in.
        propensity: Probability of that arm among those taken in: its share now.
        reason: NO_UNIT, OUTSIDE_NAMESPACE or OUTSIDE_COVERAGE; None with an arm.
        former: The other arms that the visitor would have been given under earlier shares,
            the latest first, each with its propensity then. Empty: no doubt about the arm.
        phase: Index of the phase whose shares give the arm; None if it is unknown, as the
            propensity then is.
    """

    arm: int | None
    propensity: float | None
    reason: str | None
    former: tuple["Assignment", ...] = ()
    phase: int | None = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """An experiment's traffic rules, compiled once and read for every request.

    Attributes:
        seed: Seed of the experiment.
        seed_state: Hash of the seed alone, from which a visitor's hash goes on.
        ranges: Places taken in, as `bucket_ranges` gives them.
        phases: The answers of each phase for each arm, control first; the present phase last.
        arms: The arm of each range. After a change of shares an arm may have several.
        starts: Points of [0, 1) at which the answer changes, in order.
        pieces: The answer before the first of them, and from each of them on.
        owners: For each piece its arm in every phase; no arm's index where it was nobody's.
        filters: Namespaces and holdouts that must all take the visitor in.
        coverage: Part of the visitors taken in, to which the ranges were cut.
    """

    seed: str
    seed_state: int
    ranges: tuple[Range, ...]
    phases: tuple[tuple[Assignment, ...], ...]
    arms: tuple[int, ...]
    starts: tuple[float, ...]
    pieces: tuple[Assignment, ...]
    owners: tuple[tuple[int | None, ...], ...]
    filters: tuple[NamespaceFilter, ...] = ()
    coverage: float = 1.0


_NO_UNIT: Final = Assignment(arm=None, propensity=None, reason=NO_UNIT)
_OUTSIDE_NAMESPACE: Final = Assignment(arm=None, propensity=None, reason=OUTSIDE_NAMESPACE)
UNCOVERED: Final = Assignment(arm=None, propensity=None, reason=OUTSIDE_COVERAGE)


def compile_allocation(
    *,
    seed: str,
    shares: Sequence[float],
    coverage: float = 1.0,
    filters: Sequence[NamespaceFilter] = (),
) -> Allocation:
    """Check an experiment's traffic rules and prepare them for `assign_visitor`.

    Args:
        seed: Not empty; keep it for the life of the experiment.
        shares: One share in [0, 1] an arm, control first; they sum to 1.
        coverage: Part of the visitors taken in, in [0, 1].
        filters: Namespaces and holdouts, all of which must take the visitor in.

    Returns:
        The compiled rules.

    Raises:
        ValueError: If the seed of the experiment or of a filter is empty, there are
            no shares, a share, the coverage or a filter's range leaves [0, 1] (NaN
            included), a range ends before it starts, or the shares do not sum to 1.

    >>> compile_allocation(seed="hero", shares=[0.5, 0.5], coverage=0.5).ranges
    ((0.0, 0.25), (0.5, 0.75))
    """
    check_rules(seed=seed, shares=shares, coverage=coverage, filters=filters)
    ranges = tuple(bucket_ranges(len(shares), coverage, shares))
    assignments = tuple(
        Assignment(arm=arm, propensity=share, reason=None) for arm, share in enumerate(shares)
    )
    starts, pieces = _pieces(zip(ranges, assignments, strict=True))
    return Allocation(
        seed=seed,
        seed_state=fnv1a32(seed),
        ranges=ranges,
        phases=(assignments,),
        arms=tuple(range(len(shares))),
        starts=starts,
        pieces=pieces,
        owners=tuple((piece.arm,) for piece in pieces),
        filters=tuple(filters),
        coverage=coverage,
    )


def check_rules(
    *, seed: str, shares: Sequence[float], coverage: float, filters: Sequence[NamespaceFilter]
) -> None:
    """Refuse traffic rules that cannot be; arguments and errors as in `compile_allocation`.

    >>> check_rules(seed="hero", shares=[0.5, 0.4], coverage=1, filters=[])
    Traceback (most recent call last):
    ...
    ValueError: shares: they sum to 0.9, not to 1
    """
    if not seed:
        raise ValueError("seed: must not be empty")
    _check_shares(shares)
    if not 0 <= coverage <= 1:
        raise ValueError(f"coverage: {coverage} is not in [0, 1]")
    for namespace in filters:
        _check_filter(namespace)


def assign_visitor(
    allocation: Allocation, visitor: str, units: Mapping[str, object] | None = None
) -> Assignment:
    """Return the arm of a visitor; the same visitor gets the same arm every time.

    Args:
        allocation: From `compile_allocation`.
        visitor: Visitor id; the randomised unit.
        units: Further identifiers of the visitor by name, for namespaces that hash
            another one than the visitor id. Texts and whole numbers identify; anything
            else is as good as missing.

    Returns:
        The arm with its propensity, or no arm with the reason: an empty visitor id
        or a missing identifier, outside a namespace, or outside the coverage.

    Source: GrowthBook SDK spec 0.8.0, `run` (filters, hash, ranges).

    >>> rules = compile_allocation(seed="hero", shares=[0.5, 0.5])
    >>> assign_visitor(rules, "v-1")
    Assignment(arm=1, propensity=0.5, reason=None, former=(), phase=0)
    """
    if not visitor:
        return _NO_UNIT
    for namespace in allocation.filters:
        unit = visitor if namespace.unit is None else _unit_text((units or {}).get(namespace.unit))
        if not unit:
            return _NO_UNIT
        if choose_variation(hash_unit(namespace.seed, unit), namespace.ranges) < 0:
            return _OUTSIDE_NAMESPACE
    return allocation.pieces[piece_index(allocation, visitor)]


def piece_index(allocation: Allocation, visitor: str) -> int:
    """Return the index of the piece of [0, 1) in which a visitor lies; filters do not count."""
    return bisect_right(allocation.starts, _bucket(allocation.seed_state, visitor))


def _unit_text(value: object) -> str:
    # A browser hashes the number 12 as the text "12".
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value if isinstance(value, str) else ""


def _pieces(
    parts: Iterable[tuple[Range, Assignment]],
) -> tuple[tuple[float, ...], tuple[Assignment, ...]]:
    """Cut [0, 1) where the answer changes; between the ranges nobody is covered."""
    starts: list[float] = []
    pieces = [UNCOVERED]
    for (start, end), assignment in parts:
        if start >= end:
            continue
        if starts and starts[-1] == start:
            pieces[-1] = assignment
        else:
            starts.append(start)
            pieces.append(assignment)
        starts.append(end)
        pieces.append(UNCOVERED)
    return tuple(starts), tuple(pieces)


def _bucket(seed_state: int, unit: str) -> float:
    return fnv1a32(str(fnv1a32(unit, seed_state))) % BUCKETS / BUCKETS


def _check_shares(shares: Sequence[float]) -> None:
    if not shares:
        raise ValueError("shares: at least one arm is needed")
    for share in shares:
        if not 0 <= share <= 1:
            raise ValueError(f"shares: {share} is not in [0, 1]")
    if abs(math.fsum(shares) - 1) > SHARES_TOLERANCE:
        raise ValueError(f"shares: they sum to {math.fsum(shares)}, not to 1")


def _check_filter(namespace: NamespaceFilter) -> None:
    if not namespace.seed:
        raise ValueError("filters: the seed must not be empty")
    for start, end in namespace.ranges:
        if not 0 <= start <= end <= 1:
            raise ValueError(f"filters: range [{start}, {end}) does not lie in [0, 1]")
