"""GET /api/v1/principles/: effects of principles of persuasion, measured in past tests."""

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.authentication import sites_where
from experiments.models import ServerKey
from experiments.services.learning.principles import principles


class PrinciplesView(APIView):
    """Measured effects of principles of persuasion; docs/prediction.md explains them."""

    # Who may see the archive may see what it says.
    permission = "experiments.view_historyarm"
    scope = ServerKey.Scope.ANALYSE

    @extend_schema(
        parameters=[
            OpenApiParameter("locale", str, description="Only tests in this language."),
            OpenApiParameter("audience", str, description="Only tests with this audience."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        effects = principles(
            sites=sites_where(request.user, self.permission),
            locale=request.query_params.get("locale", ""),
            audience=request.query_params.get("audience", ""),
        )
        return Response(effects)
