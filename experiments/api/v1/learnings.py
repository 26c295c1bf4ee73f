"""GET /api/v1/learnings/: what the past tests of a site show, and what people wrote about it."""

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.authentication import named_site
from experiments.models import Learning
from experiments.services.archive.site_learnings import learnings_as_json
from experiments.stats.meta_analysis.learnings import Support

STATUSES = tuple(one.value for one in Support)


class SubjectSerializer(serializers.Serializer[Any]):
    """What tests show of a subject; `raises` is the direction that the status is about."""

    kind = serializers.ChoiceField(choices=Learning.Kind.choices)
    subject = serializers.CharField(allow_blank=True)
    raises = serializers.BooleanField()
    status = serializers.ChoiceField(choices=[(one, one) for one in STATUSES])
    n_tests = serializers.IntegerField()
    lift = serializers.FloatField(allow_null=True)
    lift_low = serializers.FloatField(allow_null=True)
    lift_high = serializers.FloatField(allow_null=True)
    chance = serializers.FloatField(allow_null=True)
    chance_next = serializers.FloatField(allow_null=True)


class WrittenLearningSerializer(SubjectSerializer):
    id = serializers.IntegerField()
    statement = serializers.CharField()
    note = serializers.CharField(allow_blank=True)
    written_at = serializers.DateTimeField()
    author = serializers.CharField(allow_null=True)
    tests = serializers.ListField(child=serializers.IntegerField())


class LiftGroupSerializer(serializers.Serializer[Any]):
    low = serializers.FloatField(allow_null=True)
    high = serializers.FloatField(allow_null=True)
    n_raw = serializers.IntegerField()
    n_shrunken = serializers.IntegerField()


class TrackRecordSerializer(serializers.Serializer[Any]):
    n_decided = serializers.IntegerField()
    n_won = serializers.IntegerField()
    win_rate = serializers.FloatField(allow_null=True)
    win_rate_low = serializers.FloatField(allow_null=True)
    win_rate_high = serializers.FloatField(allow_null=True)
    n_shipped = serializers.IntegerField()
    shipped = serializers.FloatField(allow_null=True)
    shipped_shrunken = serializers.FloatField(allow_null=True)
    lifts = LiftGroupSerializer(many=True)


class LearningsSerializer(serializers.Serializer[Any]):
    subjects = SubjectSerializer(many=True)
    learnings = WrittenLearningSerializer(many=True)
    track_record = TrackRecordSerializer()


class LearningsView(APIView):
    """Learnings of a site; docs/past-tests.md explains the fields."""

    permission = "experiments.view_learning"

    @extend_schema(
        parameters=[OpenApiParameter("site", str, description="For staff: key of the site.")],
        responses=LearningsSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return subjects, written learnings, and the track record."""
        return Response(learnings_as_json(named_site(request, self.permission)))
