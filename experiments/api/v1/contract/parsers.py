"""JSON of requests: bounded in size and depth, and nothing in it that no database can store."""

import json
import re
from collections.abc import Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import BaseParser

# Deeper than any request of this API, and far from where Python gives up.
MAX_DEPTH = 32
# Half of a character outside the basic plane, escaped: alone it is no text.
SURROGATE = re.compile(r"[\ud800-\udfff]")


class PayloadTooLargeError(APIException):
    """A body that is longer than is read."""

    status_code = 413

    def __init__(self) -> None:
        super().__init__(f"The body is larger than {settings.DATA_UPLOAD_MAX_MEMORY_SIZE} bytes.")


class BoundedJSONParser(BaseParser):
    """Parses JSON as RFC 8259 has it: UTF-8, finite numbers, whole characters."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        body = stream.read(limit + 1)
        if len(body) > limit:
            raise PayloadTooLargeError
        try:
            content = json.loads(body.decode(), parse_constant=_refuse_constant)
        except RecursionError as error:
            raise _too_deep() from error
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from error
        _check(content)
        return content


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _check(content: Any) -> None:
    # Level by level and not recursive: what is nested too deep must not cost the stack.
    level = [content]
    for _ in range(MAX_DEPTH):
        for value in level:
            if isinstance(value, str) and SURROGATE.search(value):
                raise ParseError("The body is not JSON: half of a character (a lone surrogate)")
        level = [child for value in level for child in _children(value)]
        if not level:
            return
    raise _too_deep()


def _children(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []


def _too_deep() -> ParseError:
    return ParseError(f"The body is nested deeper than {MAX_DEPTH} levels.")
