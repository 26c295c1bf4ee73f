"""Texts of one past test of the product's archive, as search by meaning reads them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedTest:
    """A past test with what is said in it.

    Args:
        test: Its key in the archive.
        site: Key of its site.
        texts: Wordings of its arms and its name, in any order.
    """

    test: int
    site: int
    texts: tuple[str, ...]
