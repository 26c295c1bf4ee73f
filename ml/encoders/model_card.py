"""Licence and languages of a model from the head of its card."""

import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHead:
    """Head of a model card.

    Args:
        licence: Licence as it is called there; empty if unknown.
        languages: Tags of languages; empty if unknown.
    """

    licence: str = ""
    languages: tuple[str, ...] = ()


def read_card(path: Path) -> CardHead:
    """Return the head of a model's card; an empty one if there is none.

    Args:
        path: `README.md` of a model folder.

    >>> read_card(Path("/nowhere"))
    CardHead(licence='', languages=())
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return CardHead()
    return parse_card(text)


def parse_card(text: str) -> CardHead:
    r"""Return the head of a card: the lines between its first two `---`.

    Args:
        text: The card.

    >>> parse_card("---\nlicense: mit\nlanguage:\n- en\n- fr\n---\n# A model")
    CardHead(licence='mit', languages=('en', 'fr'))
    >>> parse_card("---\nlanguage: en\n---").languages
    ('en',)
    """
    match = re.match(r"---\s*\n(.*?)\n---", text, flags=re.DOTALL)
    head = match[1] if match else ""
    licence = re.search(r"^license:\s*['\"]?([\w.+-]+)", head, flags=re.MULTILINE)
    one = re.search(r"^language:[ \t]*\[?([\w, -]+)\]?\s*$", head, flags=re.MULTILINE)
    item = r"[ \t]*-[ \t]*['\"]?[\w-]+['\"]?\s*\n?"
    several = re.search(rf"^language:\s*\n((?:{item})+)", head, flags=re.MULTILINE)
    words = several[1] if several else one[1] if one else ""
    tags = (tag.strip("-'\"") for tag in re.split(r"[\s,]+", words))
    return CardHead(
        licence=licence[1] if licence else "",
        languages=tuple(tag for tag in tags if re.fullmatch(r"[a-z]{2,3}", tag)),
    )
