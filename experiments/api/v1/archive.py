"""GET /api/v1/past-tests/: results of all finished experiments and imported tests, paged."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import sites_where
from experiments.models import PastTest
from experiments.selectors import history
from experiments.services.archive.entries import folded
from ml import predict


class PastTestQuery(serializers.Serializer[None]):
    """Filters of the archive; those that are left out leave every test in."""

    q = serializers.CharField(
        max_length=200, required=False, help_text="Words of the name or of any wording."
    )
    verdict = serializers.ChoiceField(PastTest.Verdict.choices, required=False)
    source = serializers.ChoiceField(  # type: ignore[assignment]  # A filter of this name
        PastTest.Source.choices, required=False
    )
    site = serializers.CharField(max_length=50, required=False, help_text="Key of the site.")
    slot = serializers.CharField(max_length=50, required=False, help_text="Key of the slot.")
    audience = serializers.CharField(max_length=200, required=False, help_text="Its key.")
    principle = serializers.CharField(max_length=50, required=False)
    tag = serializers.CharField(max_length=50, required=False)
    owner = serializers.CharField(
        max_length=150, required=False, help_text="Name of the account that is responsible."
    )
    ended_from = serializers.DateField(required=False, help_text="The first day.")
    ended_to = serializers.DateField(required=False, help_text="The last day.")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        first, last = attrs.get("ended_from"), attrs.get("ended_to")
        if first and last and first > last:
            raise serializers.ValidationError({"ended_to": "must not be before ended_from"})
        return attrs

    def validate_principle(self, value: str) -> str:
        names = predict.trait_names()
        if value not in names:
            raise serializers.ValidationError(f"unknown; known are: {', '.join(names)}")
        return value


class PastArmSerializer(serializers.Serializer[Any]):
    text = serializers.CharField()
    visitors = serializers.IntegerField()
    clicks = serializers.IntegerField()
    rate = serializers.FloatField(allow_null=True)
    is_control = serializers.BooleanField()
    principles = serializers.ListField(child=serializers.CharField())
    verb_form = serializers.CharField(allow_blank=True)


class PastTestSerializer(serializers.ModelSerializer[PastTest]):
    """A past test; `lift` and its interval are null where there is no control."""

    site = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)
    slot = serializers.SlugRelatedField[Any](slug_field="key", read_only=True, allow_null=True)
    experiment = serializers.SlugRelatedField[Any](
        slug_field="key", read_only=True, allow_null=True
    )
    principles = serializers.SerializerMethodField()
    tags = serializers.SerializerMethodField()
    arms = PastArmSerializer(many=True, read_only=True)

    class Meta:
        model = PastTest
        fields = (
            *("id", "site", "source", "experiment", "name", "verdict", "best"),
            *("lift", "lift_low", "lift_high", "metric", "slot", "placement", "audience"),
            *("locale", "form", "started_on", "ended_on", "visitors", "clicks"),
            *("principles", "tags", "suspect", "is_simulated", "is_shipped", "arms"),
        )

    def get_principles(self, test: PastTest) -> list[str]:
        return test.principles.strip("\n").split("\n") if test.principles else []

    def get_tags(self, test: PastTest) -> list[str]:
        return test.tags.strip("\n").split("\n") if test.tags else []


class PastTestsView(ListAPIView[PastTest]):
    """Every past test of one's sites, the latest first; docs/past-tests.md explains the fields."""

    permission = "experiments.view_pasttest"
    serializer_class = PastTestSerializer

    @extend_schema(parameters=[PastTestQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return past tests that pass the filters, a page of them."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[PastTest]:
        sites = sites_where(self.request.user, self.permission)
        query = PastTestQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        return _filtered(history.past_tests(sites=sites), query.validated_data)


# Filters that are a column, or a column of a row that is referred to.
COLUMNS = {
    "verdict": "verdict",
    "source": "source",
    "site": "site__key",
    "slot": "slot__key",
    "audience": "audience",
    "owner": "experiment__owner__username",
}


def _filtered(rows: QuerySet[PastTest], asked: dict[str, Any]) -> QuerySet[PastTest]:
    rows = rows.filter(**{COLUMNS[name]: value for name, value in asked.items() if name in COLUMNS})
    rows = history.ended_between(rows, first=asked.get("ended_from"), last=asked.get("ended_to"))
    if "principle" in asked:
        rows = history.with_entry(rows, "principles", asked["principle"])
    if "tag" in asked:
        rows = history.with_tag(rows, asked["tag"])
    return history.with_words(rows, folded(asked.get("q", "")))
