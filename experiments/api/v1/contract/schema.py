"""Endpoints of the OpenAPI schema; `contract.completion` describes them further."""


def one_spelling_each(endpoints: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out of the schema the addresses that only add a slash to another one of it."""
    paths = {path for path, *_ in endpoints}
    return [one for one in endpoints if not (one[0].endswith("/") and one[0][:-1] in paths)]
