"""GET /api/v1/holdout/: conversions of the visitors held out against those of all others."""

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.authentication import named_site
from experiments.services.reporting.holdout import LONGEST_DAYS, read_holdout, readout_as_json


class HoldoutQuery(serializers.Serializer[None]):
    goal = serializers.CharField(max_length=100)
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_DAYS, default=28)


class HoldoutView(APIView):
    """The readout of a site's holdout; docs/report.md explains it."""

    # Who may see experiments may see what they bring together.
    permission = "experiments.view_experiment"

    @extend_schema(
        parameters=[
            HoldoutQuery,
            OpenApiParameter("site", str, description="For staff: key of the site."),
        ],
        responses=OpenApiTypes.OBJECT,
    )
    def get(self, request: Request) -> Response:
        site = named_site(request, self.permission)
        query = HoldoutQuery(data=request.query_params)
        query.is_valid(raise_exception=True)
        readout = read_holdout(site=site, now=timezone.now(), **query.validated_data)
        if readout is None:
            raise NotFound("This site holds nobody out.")
        return Response(readout_as_json(readout))
