"""Links of the pages that lead out of docs/: the site has no such files, so their words stay."""

import re
from typing import Any

OUTSIDE = re.compile(r"\[([^\]]+)\]\((?:\.\./|examples/)[^)]*\)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return the page without links to files that are no pages of the site."""
    return OUTSIDE.sub(r"\1", markdown)
