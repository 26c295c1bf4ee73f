"""Terms of the pages with their explanations, in English and French, from glossary.toml."""

import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).with_name("glossary.toml")


class Term(NamedTuple):
    """Name and explanation in each language, and the page of the documentation that has more."""

    key: str
    names: dict[str, str]
    explanations: dict[str, str]
    page: str

    def name(self, language: str) -> str:
        """Return the name in the language, or in English if it has none there."""
        return self.names.get(language, self.names["en"])

    def explanation(self, language: str) -> str:
        return self.explanations.get(language, self.explanations["en"])


@cache
def terms() -> dict[str, Term]:
    """Return every term by its key, in the order of the file."""
    entries = tomllib.loads(SOURCE.read_text(encoding="utf-8"))
    return {
        key: Term(
            key,
            {language: entry[language][0] for language in ("en", "fr")},
            {language: entry[language][1] for language in ("en", "fr")},
            entry.get("see", ""),
        )
        for key, entry in entries.items()
    }


def page_of(language: str) -> str:
    """Return the name of the page of the documentation with all terms."""
    return "glossaire.md" if language == "fr" else "glossary.md"
