"""Write the pages of the glossary from experiments/glossary.toml."""

import sys
from pathlib import Path

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS.parent))

from experiments.glossary import page_of, terms  # noqa: E402  found by the path above

HEADS = {
    "en": "# Glossary\n\nThe terms of the pages, as they are explained behind each dotted word.\n",
    "fr": "# Glossaire\n\nLes termes des pages, tels qu’ils sont expliqués derrière chaque mot "  # noqa: RUF001
    "en pointillé.\n",
}
MORE = {"en": "More: [{page}]({page})", "fr": "En savoir plus (en anglais)\u00a0: [{page}]({page})"}


def glossary_page(language: str) -> str:
    """Return the page of a language as Markdown; headings have the keys of the terms as ids."""
    parts = [HEADS[language]]
    for term in terms().values():
        parts.append(f"## {term.name(language)} {{#{term.key}}}\n")
        parts.append(f"{term.explanation(language)}\n")
        if term.page:
            parts.append(MORE[language].format(page=term.page) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    for each in HEADS:
        (DOCS / page_of(each)).write_text(glossary_page(each), encoding="utf-8")
