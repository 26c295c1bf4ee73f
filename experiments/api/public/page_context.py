"""Visit attributes parsed from the page's address: path, campaign and preview."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

UTM = "utm_"
PREVIEW = "ctaopt_preview"
# As in the attributes of an audience: nobody needs more, and each costs a comparison.
MAX_PARAMETERS = 100


def with_page(context: dict[str, Any]) -> dict[str, Any]:
    """Return the context with `path`, `utm_*` and `preview` taken from `url`.

    Attributes sent by the client take precedence; an invalid address adds none.
    """
    url = context.get("url")
    if not isinstance(url, str):
        return context
    try:
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, max_num_fields=MAX_PARAMETERS))
    except ValueError:
        return context
    attributes = {name: value for name, value in query.items() if name.startswith(UTM)}
    if parts.path:
        attributes["path"] = parts.path
    if PREVIEW in query:
        attributes["preview"] = query[PREVIEW]
    return attributes | context
