"""DELETE /api/v1/visitors/VISITOR/: erase a visitor's data."""

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.authentication import actor_of, named_site
from experiments.event_schema.messages import may_be_visitor
from experiments.models import ServerKey
from experiments.services.operations.visitor_erasure import erase_visitor


class VisitorView(APIView):
    """A visitor of the site, by the id that was served."""

    # To look for the site; who may change its events may erase them.
    permission = "experiments.view_site"
    scope = ServerKey.Scope.ERASE

    @extend_schema(
        parameters=[OpenApiParameter("site", str, description="For staff: key of the site.")],
        responses={
            204: OpenApiResponse(description="Erased now, or a short while ago."),
            404: OpenApiResponse(description="Nothing is known of such a visitor."),
            503: OpenApiResponse(description="Redis does not answer: repeat it."),
        },
    )
    def delete(self, request: Request, visitor: str) -> Response:
        """Erase events and contributions to experiments; late copies are kept out."""
        site = named_site(request, "experiments.change_event")
        if site is None:
            raise ValidationError({"site": "say which, by its key"})
        if may_be_visitor(visitor):
            erased = erase_visitor(
                site=site, visitor=visitor, now=timezone.now(), by=actor_of(request)
            )
            if erased.was_known:
                return Response(status=204)
        raise NotFound("Nothing is known of such a visitor.")
