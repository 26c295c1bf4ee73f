"""Pages of the site as MkDocs is to make them: links that lead out of docs/, and languages."""

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./|examples/)[^)]*\)")
IN_FRENCH = {"accueil.md", "glossaire.md", "guide-marketing.md"}
# What stands around the text of each page, in the language of the theme: English.
AROUND = re.compile(
    r'<(?:header|footer|div|a)\b(?=[^>]*class="(?:md-(?:header|footer|skip)[ "]|[^"]*primary"))'
)
SEARCH = 'data-md-component="search" role="dialog"'


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page without links to files that are no pages of the site."""
    return OUTSIDE.sub(r"\1", markdown)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Return the page with its language, and with a name for the dialog of the search."""
    output = output.replace(SEARCH, f'{SEARCH} aria-label="Search"', 1)
    if page.file.src_uri not in IN_FRENCH:
        return output
    output = output.replace('<html lang="en"', '<html lang="fr"', 1)
    return AROUND.sub(lambda found: f'{found[0]} lang="en"', output)
