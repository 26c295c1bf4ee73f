"""GET and DELETE /api/v1/visitors/VISITOR/: export a visitor's data, and erase it."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.authentication import actor_of, named_site
from experiments.event_schema.messages import may_be_visitor
from experiments.models import ServerKey
from experiments.services.operations.visitor_erasure import erase_visitor
from experiments.services.operations.visitor_export import export_visitor

# Who may change the events of a site may export and erase its visitors.
ERASE = "experiments.change_event"
UNKNOWN = "Nothing is known of such a visitor."
SITE = OpenApiParameter("site", str, description="For staff: key of the site.")
REFUSALS = {
    404: OpenApiResponse(description=UNKNOWN),
    503: OpenApiResponse(description="Redis does not answer: repeat it."),
}


class VisitorView(APIView):
    """A visitor of the site, by the id that was served."""

    # To look for the site.
    permission = "experiments.view_site"
    # Also to read: what is stored of one visitor is nothing for keys that read reports.
    scope = ServerKey.Scope.ERASE

    @extend_schema(parameters=[SITE], responses={200: OpenApiTypes.OBJECT, **REFUSALS})
    def get(self, request: Request, visitor: str) -> Response:
        """Return all that is stored of the visitor: events, outcomes, and entries that wait."""
        site = named_site(request, ERASE)
        found = may_be_visitor(visitor) and export_visitor(
            site=site, visitor=visitor, now=timezone.now(), by=actor_of(request)
        )
        if not found:
            raise NotFound(UNKNOWN)
        return Response(found)

    @extend_schema(
        parameters=[SITE],
        responses={
            204: OpenApiResponse(description="Erased now, or a short while ago."),
            **REFUSALS,
        },
    )
    def delete(self, request: Request, visitor: str) -> Response:
        """Erase events and contributions to experiments; late copies are kept out."""
        site = named_site(request, ERASE)
        if may_be_visitor(visitor):
            erased = erase_visitor(
                site=site, visitor=visitor, now=timezone.now(), by=actor_of(request)
            )
            if erased.was_known:
                return Response(status=204)
        raise NotFound(UNKNOWN)
