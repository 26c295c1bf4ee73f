"""POST /api/v1/analyze: the statistics engine for any counts."""

from typing import Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.analyze_schema import REQUEST, RESPONSE
from experiments.models import ServerKey
from experiments.selectors.permissions import USE_CALCULATORS
from experiments.stats.engine.analyze import analyze


class AnalyzeView(APIView):
    """Analyse arms given as sufficient statistics; the request is docs/statistics.md's."""

    permission = USE_CALCULATORS
    scope = ServerKey.Scope.ANALYSE

    @extend_schema(
        request={"application/json": REQUEST},
        responses={(200, "application/json"): RESPONSE},
    )
    def post(self, request: Request) -> Response:
        return Response(analyze(cast("Any", request.data)))
