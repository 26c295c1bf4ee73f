"""Version of the management API, and the routes that will go: headers that programs can watch.

`API-Version` stands in every answer below /api/v1/. A route that is deprecated also gets
`Deprecation` (RFC 9745), `Sunset` (RFC 8594) and a link to what takes its place, for at least six
months before it goes. docs/api.md has the rule.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpRequest, HttpResponse
from django.utils.http import http_date

PREFIX = "/api/v1/"
# Raised by one with every addition that a program may want to ask for; see docs/api.md.
VERSION = "1.2"

GetResponse = Callable[[HttpRequest], HttpResponse]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deprecation:
    """Since when a route is deprecated, when it goes, and where the reader finds its successor."""

    since: datetime
    sunset: datetime
    link: str


# By the name of the route. None now.
DEPRECATED: Mapping[str, Deprecation] = {}


def api_version(get_response: GetResponse) -> GetResponse:
    """Middleware that adds the headers."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        if request.path_info.startswith(PREFIX):
            response.headers["API-Version"] = VERSION
            match = request.resolver_match
            gone = DEPRECATED.get(match.url_name or "") if match else None
            if gone is not None:
                _announce(response, gone)
        return response

    return middleware


def _announce(response: HttpResponse, gone: Deprecation) -> None:
    response.headers["Deprecation"] = f"@{int(gone.since.timestamp())}"
    response.headers["Sunset"] = http_date(gone.sunset.timestamp())
    response.headers["Link"] = f'<{gone.link}>; rel="deprecation"'
