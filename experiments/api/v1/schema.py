"""Extensions of the OpenAPI schema that drf-spectacular cannot infer."""

from drf_spectacular.extensions import OpenApiAuthenticationExtension


class ServerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "experiments.api.v1.authentication.ServerKeyAuthentication"
    name = "ServerKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer"}


def one_spelling_each(endpoints: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Leave out of the schema the addresses that only add a slash to another one of it."""
    paths = {path for path, *_ in endpoints}
    return [one for one in endpoints if not (one[0].endswith("/") and one[0][:-1] in paths)]
