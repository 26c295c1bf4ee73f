"""Selection of named tensors by prefix."""

from collections.abc import Mapping
from typing import TypeVar

_Value = TypeVar("_Value")


def below(prefix: str, named: Mapping[str, _Value]) -> dict[str, _Value]:
    """Return the values whose names start with a prefix, by name without the prefix.

    Args:
        prefix: Start of the selected names.
        named: Values by name.

    >>> below("a.", {"a.x": 1, "b.x": 2})
    {'x': 1}
    """
    return {
        name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)
    }
