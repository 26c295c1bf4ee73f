"""The management API: parse, call one selector or service, render."""

from collections.abc import Callable

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ReadOnlyModelViewSet

from experiments.api.v1.authentication import actor_of, sites_where
from experiments.api.v1.contract import completion  # noqa: F401  drf-spectacular finds it on import
from experiments.api.v1.contract.errors import WrongStateError
from experiments.api.v1.lifecycle import TrafficMixin
from experiments.api.v1.serializers import (
    AudienceSerializer,
    CTASerializer,
    ExperimentSerializer,
    NothingSerializer,
    SlotSerializer,
)
from experiments.models import CTA, Audience, Experiment, Slot
from experiments.selectors import catalogue, reports
from experiments.services.lifecycle import transitions
from experiments.services.reporting.full_report import full_report
from experiments.services.reporting.report_json import readiness_as_json, report_as_json


class CTAViewSet(ReadOnlyModelViewSet[CTA]):
    """CTAs with their wordings."""

    serializer_class = CTASerializer
    queryset = CTA.objects.none()

    def get_queryset(self) -> QuerySet[CTA]:
        return catalogue.ctas_of(sites=sites_where(self.request.user, "experiments.view_cta"))


class AudienceViewSet(ReadOnlyModelViewSet[Audience]):
    """Audiences and their conditions."""

    serializer_class = AudienceSerializer
    queryset = Audience.objects.none()

    def get_queryset(self) -> QuerySet[Audience]:
        return catalogue.audiences_of(
            sites=sites_where(self.request.user, "experiments.view_audience")
        )


class SlotViewSet(ReadOnlyModelViewSet[Slot]):
    """Slots and their default CTAs."""

    serializer_class = SlotSerializer
    queryset = Slot.objects.none()

    def get_queryset(self) -> QuerySet[Slot]:
        return catalogue.slots_of(sites=sites_where(self.request.user, "experiments.view_slot"))


class ExperimentViewSet(TrafficMixin, ReadOnlyModelViewSet[Experiment]):
    """Experiments, their state and their reports."""

    serializer_class = ExperimentSerializer
    queryset = Experiment.objects.none()
    lookup_field = "key"
    # A slug: what no key can be is not found, and not asked of the database.
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    def get_queryset(self) -> QuerySet[Experiment]:
        return reports.experiments_for_report(
            sites=sites_where(self.request.user, "experiments.view_experiment")
        )

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def report(self, request: Request, key: str) -> Response:
        """The report as JSON: the numbers of the page."""
        full = full_report(experiment=self.get_object(), now=timezone.now())
        return Response(report_as_json(full))

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def readiness(self, request: Request, key: str) -> Response:
        """Reasons that keep a draft from starting, and doubts about its plan."""
        return Response(readiness_as_json(self.get_object(), now=timezone.now()))

    @extend_schema(request=NothingSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def start(self, request: Request, key: str) -> Response:
        """Start a draft."""
        return self._moved(transitions.start_experiment, request)

    @extend_schema(request=NothingSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, key: str) -> Response:
        """Show the slot's default CTA until resumed."""
        return self._moved(transitions.pause_experiment, request)

    @extend_schema(request=NothingSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, key: str) -> Response:
        """Go on with the same arms."""
        return self._moved(transitions.resume_experiment, request)

    @extend_schema(request=NothingSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, key: str) -> Response:
        """End a live experiment for good."""
        return self._moved(transitions.stop_experiment, request)

    @extend_schema(request=NothingSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, key: str) -> Response:
        """Put a stopped experiment away."""
        return self._moved(transitions.archive_experiment, request)

    def _moved(self, move: Callable[..., bool], request: Request) -> Response:
        experiment, actor = self.get_object(), actor_of(request)
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        by = {"author": actor.author, "server_key": actor.server_key}
        if not move(experiment=experiment, now=timezone.now(), **by):
            raise WrongStateError(experiment)
        return Response(self.get_serializer(experiment).data)
