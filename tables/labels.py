"""Names in tables: how they compare, rows of totals, and ids that a spreadsheet has rounded."""

import re
import unicodedata
from collections.abc import Sequence

from tables.source import Cell, as_text

# Of rows that add up the others, as people and pivot tables write them.
_SURE = frozenset(
    {
        *("total", "totals", "totaux", "totale", "totaal", "subtotal", "sous_total", "grand_total"),
        *("total_general", "total_geral", "totale_complessivo", "suma_total", "eindtotaal"),
        *("gesamt", "gesamtergebnis", "gesamtsumme"),
    }
)
# These may be wordings as well.
_LIKELY = frozenset({"sum", "somme", "summe", "suma", "ensemble", "all"})
# Spaces without width, soft hyphens, marks of direction. Emojis need the joiner, which stays.
_INVISIBLE = dict.fromkeys(
    [0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF]
)
# A spreadsheet keeps 15 digits of a number.
LEAST_ROUNDED = 1e15
_ROUNDED = re.compile(r"[1-9](?:[.,]\d+)?[eE]\+\d{1,3}", re.ASCII)
# Fewer may be such a sum by chance.
LEAST_TOTAL = 100


def plain_name(name: str) -> str:
    """Return a name without case, accents and separators of words.

    Args:
        name: Name of a column or of a row.

    >>> plain_name(" Témoin-A ")
    'temoin_a'
    """
    text = unicodedata.normalize("NFKD", name.strip().casefold())
    letters = "".join(mark for mark in text if not unicodedata.combining(mark))
    return "_".join(letters.replace("-", " ").replace("_", " ").split())


def tidy_name(name: str) -> str:
    r"""Return a name without differences that nobody sees: composed letters, kinds of spaces.

    Args:
        name: Name of a row, or an id.

    >>> tidy_name("Te\u0301moin\u00a0 A\u200b") == "Témoin A"
    True
    """
    return " ".join(unicodedata.normalize("NFC", name).translate(_INVISIBLE).split())


def is_total(name: str, *, may_be_wording: bool = False) -> bool:
    """Return whether a name is that of a row of totals.

    Args:
        name: Name of a row.
        may_be_wording: Whether rows may be named by a wording, such as "All".

    >>> is_total("Total général"), is_total("Total comfort"), is_total("All")
    (True, False, True)
    """
    plain = plain_name(name)
    return plain in _SURE or (plain in _LIKELY and not may_be_wording)


def total_of(rows: Sequence[tuple[str, Sequence[float]]]) -> str | None:
    """Return the name of the row that has the totals of others, by its name or its numbers.

    Args:
        rows: Name and numbers of each row; numbers that add up, such as visitors and clicks.

    Returns:
        The name; None if no row is named as a total, none as the total of another row, and the
        last of at least three has not the sums of the others.

    >>> total_of([("A", (1000, 50)), ("B", (1000, 60)), ("Σ", (2000, 110))])
    'Σ'
    >>> total_of([("A", (1000, 50)), ("B", (1000, 60))])
    """
    known = {plain_name(name) for name, _ in rows}
    parts = {text for one in known for mark in _SURE for text in (f"{mark}_{one}", f"{one}_{mark}")}
    for name, _ in rows:
        if is_total(name) or plain_name(name) in parts:
            return name
    *others, (last, numbers) = rows or [("", ())]
    sums = [sum(column) for column in zip(*(other for _, other in others), strict=True)]
    is_sum = len(others) > 1 and list(numbers) == sums and max(sums, default=0) >= LEAST_TOTAL
    return last if is_sum else None


def is_rounded(cell: Cell) -> bool:
    """Return whether an id is a number of which a spreadsheet has kept 15 digits at most.

    Several ids then look like one.

    Args:
        cell: Cell of a column of ids.

    >>> is_rounded("1,23457E+18"), is_rounded(1234567890123456000), is_rounded("12345678901234567")
    (True, True, False)
    """
    if isinstance(cell, int | float) and not isinstance(cell, bool):
        return abs(cell) >= LEAST_ROUNDED
    return bool(_ROUNDED.fullmatch(as_text(cell)))
