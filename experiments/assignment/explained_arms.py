"""Arms that a visitor's hash explains: the check of what strangers claim to have seen.

A claim is an arm, and perhaps the number of the phase whose shares gave it. Filters (holdout,
namespaces) and audiences are not part of the check: a claim does not carry the identifiers and
attributes that they need, and a holdout may have been another when the arm was given. So every
visitor who was given an arm by hash, in any phase, is explained; a claim of any other arm is not.
"""

from experiments.assignment.hashing import Allocation, piece_index


def explains(allocation: Allocation, visitor: str, arm: int, *, phase: int | None = None) -> bool:
    """Return whether the hash of a visitor gives an arm.

    Args:
        allocation: From `compile_allocation` or `compile_phases`.
        visitor: Visitor id.
        arm: Index of the claimed arm, control 0.
        phase: Number of the phase that is claimed to have given it, from 0; None: any phase.

    Returns:
        True if the arm is that of the visitor's bucket in the phase, or in some phase. False for
        a phase that does not exist, and for an empty id.

    Source: the same hash and ranges as `assign_visitor`.

    >>> from experiments.assignment.phases import compile_phases
    >>> rules = compile_phases(
    ...     seed="hero", history=[[(0, 5000, 0), (5000, 10000, 1)], [(0, 10000, 0)]], n_arms=2
    ... )
    >>> explains(rules, "v-1", 1), explains(rules, "v-1", 1, phase=0)
    (True, True)
    >>> explains(rules, "v-1", 1, phase=1), explains(rules, "v-1", 0, phase=0)
    (False, False)
    """
    if not visitor or arm < 0:
        return False
    owners = allocation.owners[piece_index(allocation, visitor)]
    if phase is None:
        return arm in owners
    return 0 <= phase < len(owners) and owners[phase] == arm
