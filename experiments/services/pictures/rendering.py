"""Drawing of specifications as SVG, by Vega in the process: nothing is asked over the network."""

import hashlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal
from unicodedata import category

from experiments.services.pictures.days import Row
from experiments.services.pictures.looks import Look
from experiments.services.pictures.specifications import KINDS

VEGA_LITE = "6.4"
# Names of d3's locales: marks of numbers and names of months; English for other languages.
FRENCH: Final = "fr-FR"
ENGLISH: Final = "en-GB"
PNG_SCALE = 2.0
# Vega looks names up in plain objects, which have these of their own.
OF_EVERY_OBJECT = {
    "constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString",
    "toString", "valueOf", "__defineGetter__", "__defineSetter__", "__lookupGetter__",
    "__lookupSetter__", "__proto__",
}  # fmt: skip


@cache
def drawing_code() -> str:
    """Return a hash of the code that draws: what another release has drawn is drawn again."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def draw_svg(
    kind: str, rows: Sequence[Row], *, look: Look, language: str, options: dict[str, Any]
) -> str:
    """Return a picture as SVG; some 50 ms, and a second for the first of a process.

    Args:
        kind: Name of the specification, a key of `KINDS`.
        rows: Data of the picture.
        look: Width and colours.
        language: Language of months and decimal marks.
        options: Further arguments of the specification, such as its title.

    Raises:
        KeyError: If the kind is unknown.
    """
    # Vega needs 60 MB: only processes that draw pay for it.
    import vl_convert  # noqa: PLC0415

    svg: str = vl_convert.vegalite_to_svg(
        KINDS[kind](drawable(rows), look=look, **drawable(options)), **_settings(language)
    )
    return svg


def draw_png(
    kind: str, rows: Sequence[Row], *, look: Look, language: str, options: dict[str, Any]
) -> bytes:
    """Return the same picture as PNG, two pixels for each of its width: mails show no SVG.

    Args and errors as of `draw_svg`.
    """
    import vl_convert  # noqa: PLC0415

    png: bytes = vl_convert.vegalite_to_png(
        KINDS[kind](drawable(rows), look=look, **drawable(options)),
        scale=PNG_SCALE,
        **_settings(language),
    )
    return png


def _settings(language: str) -> dict[str, Any]:
    is_french = language.split("-")[0].lower() == "fr"
    locale: Literal["fr-FR", "en-GB"] = FRENCH if is_french else ENGLISH
    return {
        "vl_version": VEGA_LITE,
        # No data from elsewhere, whatever a wording says.
        "allowed_base_urls": [],
        "format_locale": locale,
        "time_format_locale": locale,
    }


def drawable(data: Any) -> Any:
    """Return rows or options with texts as Vega can draw them, whatever people have written.

    Line separators and control characters become spaces; a name that every object of JavaScript
    has is given a mark of no width.

    >>> drawable([{"name": "Go\u2028now", "low": 0.1}])
    [{'name': 'Go now', 'low': 0.1}]
    """
    if isinstance(data, dict):
        return {key: drawable(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [drawable(one) for one in data]
    if not isinstance(data, str):
        return data
    text = "".join(" " if category(sign) in ("Cc", "Zl", "Zp") else sign for sign in data)
    return text + "\N{WORD JOINER}" if text in OF_EVERY_OBJECT else text
