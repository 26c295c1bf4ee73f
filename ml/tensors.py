"""Named tensors selected by the prefix of their name."""

from collections.abc import Mapping
from typing import TypeVar

_Value = TypeVar("_Value")


def below(prefix: str, named: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return what stands below a prefix, by its name without it.

    Args:
        prefix: Start of the wanted names.
        named: Anything by name.

    >>> below("a.", {"a.x": 1, "b.x": 2})
    {'x': 1}
    """
    return {
        name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)
    }
