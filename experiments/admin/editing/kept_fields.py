"""Fields of a request, as rows of what is being typed keep them, and back."""

from collections.abc import Collection, Mapping, Sequence

from django.http import QueryDict


def fields_of_post(
    data: QueryDict, names: Collection[str], prefixes: tuple[str, ...]
) -> dict[str, list[str]]:
    """Return the fields with these names, or whose names begin so, that a browser has sent."""
    return {
        name: [str(text) for text in data.getlist(name)]
        for name in data
        if name in names or name.startswith(prefixes)
    }


def data_of(content: Mapping[str, Sequence[str]], defaults: Mapping[str, str]) -> QueryDict:
    """Return kept fields as a browser would send them, with the defaults for what is missing."""
    data = QueryDict(mutable=True)
    for name, text in defaults.items():
        data[name] = text
    for name, texts in content.items():
        data.setlist(name, list(texts))
    return data
