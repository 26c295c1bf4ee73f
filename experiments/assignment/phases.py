"""Phases of an experiment whose shares change while it runs: which visitors move, and from where.

The places of an experiment are 10,000 buckets. A change of shares moves as few of them as it can:
arms that shrink give up the buckets they got last; arms that grow take, in this order, buckets
that were theirs before, buckets that were nobody's ever, then the ones just given up. So raising
the coverage alone moves nobody, and only the visitors of given-up buckets are in doubt: those who
came before were shown another arm than those who come now. `Assignment.former` names their arms.

GrowthBook's SDKs cut the shares anew instead (`bucket_ranges`), which moves visitors between arms
whose shares did not change; given explicit ranges, they follow these.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, groupby, islice, takewhile
from typing import Final

from experiments.assignment.hashing import (
    BUCKETS,
    UNCOVERED,
    Allocation,
    Assignment,
    NamespaceFilter,
    Range,
    check_rules,
    fnv1a32,
)

# First bucket, the one after the last, arm.
Slice = tuple[int, int, int]
NOBODY: Final = -1
FLOAT_NOISE: Final = 1e-6  # of a bucket


def slices_of(ranges: Iterable[Range]) -> tuple[Slice, ...]:
    """Return the buckets that lie in an arm's range each.

    Args:
        ranges: (start, end) in [0, 1], one an arm, control first, end exclusive.

    Returns:
        Slices in order; empty ones are left out.

    >>> slices_of([(0.0, 0.25), (0.5, 0.75)])
    ((0, 2500, 0), (5000, 7500, 1))
    """
    pairs = ((_first_from(start), _first_from(end), arm) for arm, (start, end) in enumerate(ranges))
    return tuple(part for part in pairs if part[0] < part[1])


def first_slices(shares: Sequence[float], coverage: float) -> tuple[Slice, ...]:
    """Return the slices of a new experiment: each arm's share of the places, cut to the coverage.

    Args:
        shares: In [0, 1], control first; they sum to 1.
        coverage: Part of the visitors taken in, in [0, 1].

    Returns:
        Slices in order. Each size is less than one bucket from share x coverage, their sum is
        right, and none is smaller where only the coverage is larger.

    Raises:
        ValueError: As `compile_allocation`.

    >>> first_slices([0.5, 0.5], 0.5)
    ((0, 2500, 0), (5000, 7500, 1))
    """
    sizes = _sizes(shares, coverage)
    owners = [NOBODY] * BUCKETS
    for arm, (first, size) in enumerate(zip(_homes(shares, sizes), sizes, strict=True)):
        owners[first : first + size] = [arm] * size
    return _slices(owners)


def moved_slices(
    history: Sequence[Sequence[Slice]], shares: Sequence[float], coverage: float
) -> tuple[Slice, ...]:
    """Return the slices after a change of shares or coverage, moving as few buckets as possible.

    Args:
        history: The slices of every phase so far, the present one last; at least one.
        shares: New shares in [0, 1], control first; they sum to 1.
        coverage: New coverage in [0, 1].

    Returns:
        Slices in order; each arm keeps the smaller of its old and new number of buckets.

    Raises:
        ValueError: As `compile_allocation`; or if the history is empty or has more arms.

    >>> moved_slices([((0, 5000, 0), (5000, 10000, 1))], [0.6, 0.4], 1.0)
    ((0, 5000, 0), (5000, 9000, 1), (9000, 10000, 0))
    """
    if not history:
        raise ValueError("history: at least the present phase is needed")
    phases = [_owners(slices) for slices in history]
    if max(max(owners) for owners in phases) >= len(shares):
        raise ValueError(f"history: it has more than the {len(shares)} arms of shares")
    owners = list(phases[-1])
    present = [owners.count(arm) for arm in range(len(shares))]
    exact = [share * coverage * BUCKETS for share in shares]
    sizes = _without_rounding_loss(_sizes(shares, coverage), present, exact)
    _give_up(owners, sizes, phases)
    columns = list(zip(*phases, strict=True))
    # Thousands of buckets have few different histories.
    owners_of = {column: frozenset(column) - {NOBODY} for column in set(columns)}
    former = [owners_of[column] for column in columns]
    homes = _homes(shares, sizes)
    for may_take in (_was_theirs, _was_nobodys, _is_free):
        for arm, size in enumerate(sizes):
            shortfall = size - owners.count(arm)
            if not shortfall:
                continue
            places = _buckets_after(owners, arm, homes[arm])
            free = (b for b in places if owners[b] < 0 and may_take(former[b], arm))
            for bucket in list(islice(free, shortfall)):
                owners[bucket] = arm
    return _slices(owners)


def propensities(slices: Iterable[Slice], n_arms: int) -> tuple[float, ...]:
    """Return each arm's part of the buckets taken in: its share, as exact as buckets are.

    Args:
        slices: Slices of one phase; not empty.
        n_arms: Number of arms.

    Raises:
        ValueError: If the slices take nobody in.

    >>> propensities([(0, 34, 0), (5000, 5033, 1), (7500, 7533, 2)], 3)
    (0.34, 0.33, 0.33)
    """
    counts = [0] * n_arms
    for first, end, arm in slices:
        counts[arm] += end - first
    total = sum(counts)
    if total == 0:
        raise ValueError("slices: they take nobody in")
    return tuple(count / total for count in counts)


def compile_phases(
    *,
    seed: str,
    history: Sequence[Sequence[Slice]],
    n_arms: int,
    coverage: float = 1.0,
    filters: Sequence[NamespaceFilter] = (),
) -> Allocation:
    """Prepare an experiment with phases for `assign_visitor`.

    Args:
        seed: Not empty; keep it for the life of the experiment.
        history: The slices of every phase, the present one last; at least one.
        n_arms: Number of arms.
        coverage: Coverage of the present phase, passed through unchanged.
        filters: Namespaces and holdouts, all of which must take the visitor in.

    Returns:
        The compiled rules: the present phase's arms, and for each visitor the earlier arms.

    Raises:
        ValueError: As `compile_allocation`, or if a phase takes nobody in.

    >>> rules = compile_phases(
    ...     seed="hero", history=[[(0, 5000, 0), (5000, 10000, 1)], [(0, 10000, 0)]], n_arms=2
    ... )
    >>> rules.pieces[2].arm, rules.pieces[2].phase
    (0, 1)
    >>> rules.pieces[2].former
    (Assignment(arm=1, propensity=0.5, reason=None, former=(), phase=0),)
    """
    answers = [_answers(slices, n_arms, phase) for phase, slices in enumerate(history)]
    shares = [answer.propensity or 0.0 for answer in answers[-1]]
    check_rules(seed=seed, shares=shares, coverage=coverage, filters=filters)
    # Buckets where any phase changes its arm; those between have one history.
    cuts = sorted({bucket for slices in history for part in slices for bucket in part[:2]})
    columns = list(zip(*(_owners_at(cuts, slices) for slices in history), strict=True))
    present = history[-1]
    return Allocation(
        seed=seed,
        seed_state=fnv1a32(seed),
        ranges=tuple((first / BUCKETS, end / BUCKETS) for first, end, _ in present),
        phases=tuple(answers),
        arms=tuple(arm for _, _, arm in present),
        starts=tuple(cut / BUCKETS for cut in cuts),
        pieces=(UNCOVERED, *(_piece(owners, answers) for owners in columns)),
        owners=((NOBODY,) * len(history), *columns),
        filters=tuple(filters),
        coverage=coverage,
    )


def _owners_at(cuts: Sequence[int], slices: Sequence[Slice]) -> list[int]:
    """Return the arm of a phase from each cut on; both are in order."""
    owners, parts = [], iter([*slices, (BUCKETS, BUCKETS, NOBODY)])
    first, end, arm = next(parts)
    for cut in cuts:
        while cut >= end < BUCKETS:
            first, end, arm = next(parts)
        owners.append(arm if first <= cut < end else NOBODY)
    return owners


def _answers(slices: Sequence[Slice], n_arms: int, phase: int) -> tuple[Assignment, ...]:
    return tuple(
        Assignment(arm=arm, propensity=share, reason=None, phase=phase)
        for arm, share in enumerate(propensities(slices, n_arms))
    )


def _piece(owners: Sequence[int], answers: Sequence[tuple[Assignment, ...]]) -> Assignment:
    """Return the answer for a bucket that had these owners, phase by phase."""
    *earlier, now = owners
    former: dict[int, Assignment] = {}
    for owner, phase in zip(reversed(earlier), reversed(answers[:-1]), strict=True):
        if owner not in (now, NOBODY):
            former.setdefault(owner, phase[owner])
    present = UNCOVERED if now == NOBODY else answers[-1][now]
    if not former:
        return present
    return Assignment(
        arm=present.arm,
        propensity=present.propensity,
        reason=present.reason,
        former=tuple(former.values()),
        phase=present.phase,
    )


def _first_from(bound: float) -> int:
    """Return the first bucket whose place is not below a bound: what `start <= place` compares."""
    bucket = min(max(math.ceil(bound * BUCKETS) - 1, 0), BUCKETS)
    while bucket < BUCKETS and bucket / BUCKETS < bound:
        bucket += 1
    return bucket


def _sizes(shares: Sequence[float], coverage: float) -> list[int]:
    """Return each arm's number of buckets: less than one away from share x coverage.

    The buckets are dealt one by one, so more coverage takes none from an arm; rounding up the
    largest remainders would. Each goes to the arm that would first be a whole bucket behind, of
    those behind by enough already: then none is ever a whole one behind or ahead, as with
    Sainte-Lague's divisors a large one among several small ones can be.

    Source: Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980).
    """
    check_rules(seed="-", shares=shares, coverage=coverage, filters=())
    return list(_dealt(tuple(shares), round(coverage * BUCKETS)))


@lru_cache(maxsize=1_000)  # Most experiments have one of a few splits.
def _dealt(shares: tuple[float, ...], n_buckets: int) -> tuple[int, ...]:
    """Return each arm's number of buckets once that many are dealt."""
    parts = [share / math.fsum(shares) for share in shares]
    sizes = [0] * len(parts)
    threshold = 1 / max(2 * len(parts) - 2, 1)
    for n_dealt in range(1, n_buckets + 1):
        waiting = [
            ((1 - threshold - by) / part, arm)
            for arm, part in enumerate(parts)
            if (by := part * n_dealt - sizes[arm]) >= threshold - FLOAT_NOISE
        ]
        sizes[min(waiting)[1]] += 1
    return tuple(sizes)


def _without_rounding_loss(
    sizes: list[int], present: Sequence[int], exact: Sequence[float]
) -> list[int]:
    """Return other sizes, as near to the exact ones, in which no arm loses by rounding alone.

    For present phases that were rounded differently, as those before this rule were.
    """
    sizes = list(sizes)
    arms = range(len(sizes))
    losing = [arm for arm in arms if sizes[arm] < present[arm] < exact[arm] + 1 - FLOAT_NOISE]
    spare = [arm for arm in arms if sizes[arm] > max(exact[arm] + FLOAT_NOISE, present[arm])]
    spare.sort(key=lambda arm: exact[arm] - sizes[arm])
    for loser, giver in zip(losing, spare, strict=False):
        sizes[loser] += 1
        sizes[giver] -= 1
    return sizes


def _homes(shares: Sequence[float], sizes: Sequence[int]) -> list[int]:
    """Return where each arm begins: after the shares of those before it."""
    starts = accumulate(shares, initial=0.0)
    return [
        min(round(start * BUCKETS), BUCKETS - size)
        for start, size in zip(starts, sizes, strict=False)
    ]


def _owners(slices: Iterable[Slice]) -> list[int]:
    owners = [NOBODY] * BUCKETS
    for first, end, arm in slices:
        if not 0 <= first <= end <= BUCKETS or arm < 0:
            raise ValueError(f"slices: ({first}, {end}, {arm}) does not lie in 0 to {BUCKETS}")
        owners[first:end] = [arm] * (end - first)
    return owners


def _slices(owners: Sequence[int]) -> tuple[Slice, ...]:
    runs = [(arm, len(list(run))) for arm, run in groupby(owners)]
    ends = accumulate(size for _, size in runs)
    pairs = zip(runs, ends, strict=True)
    return tuple((end - size, end, arm) for (arm, size), end in pairs if arm != NOBODY)


def _give_up(owners: list[int], sizes: Sequence[int], phases: Sequence[Sequence[int]]) -> None:
    """Let arms with too many buckets give up those they got last, from the end."""
    for arm, size in enumerate(sizes):
        buckets = [bucket for bucket in range(BUCKETS) if owners[bucket] == arm]
        if len(buckets) <= size:
            continue
        buckets.sort(key=lambda bucket: (-_tenure(bucket, phases), bucket))
        for bucket in buckets[size:]:
            owners[bucket] = NOBODY


def _tenure(bucket: int, phases: Sequence[Sequence[int]]) -> int:
    """Return for how many phases in a row the bucket has had its present owner."""
    owner = phases[-1][bucket]
    return len(list(takewhile(lambda owners: owners[bucket] == owner, reversed(phases))))


def _buckets_after(owners: Sequence[int], arm: int, home: int) -> Iterator[int]:
    """Yield every bucket, from the end of the arm's own on: a ramp grows where it is."""
    buckets = [bucket for bucket in range(BUCKETS) if owners[bucket] == arm]
    start = buckets[-1] + 1 if buckets else home
    yield from range(start, BUCKETS)
    yield from range(start)


def _was_theirs(former: frozenset[int], arm: int) -> bool:
    return arm in former


def _was_nobodys(former: frozenset[int], _: int) -> bool:
    return not former


def _is_free(_: frozenset[int], __: int) -> bool:
    return True
