"""The management API: parse, call one selector or service, render."""

from collections.abc import Callable

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import actor_of
from experiments.api.v1.contract import completion  # noqa: F401  drf-spectacular finds it on import
from experiments.api.v1.contract.errors import WrongStateError
from experiments.api.v1.lifecycle.approvals import ApprovalMixin
from experiments.api.v1.lifecycle.comments import CommentMixin
from experiments.api.v1.lifecycle.decisions import DecisionMixin
from experiments.api.v1.management.edited_rows import conditionally, documented
from experiments.api.v1.management.experiment_drafts import DraftsViewSet
from experiments.api.v1.report_formats import (
    REPORT_PARAMETERS,
    REPORT_RENDERERS,
    REPORT_RESPONSES,
    file_answer,
    json_answer,
)
from experiments.api.v1.serializers import ExperimentSerializer, NothingSerializer
from experiments.services.lifecycle import transitions
from experiments.services.reporting.report_json import readiness_as_json


@documented
class ExperimentViewSet(DecisionMixin, ApprovalMixin, CommentMixin, DraftsViewSet):
    """Experiments, their state and their reports."""

    @extend_schema(parameters=REPORT_PARAMETERS, responses=REPORT_RESPONSES)
    @action(detail=True, renderer_classes=REPORT_RENDERERS)
    def report(self, request: Request, key: str) -> Response:
        """The report: the numbers of the page, as JSON, table, document or notebook.

        Any choice (`arm`, `against`, `metric`, `segment`, `from`, `to`, `cuped`, `reading`) adds
        `view`: that comparison beside the report. It is no verdict and is adjusted for nothing.
        """
        experiment = self.get_object()
        if request.accepted_renderer.format != "json":
            return file_answer(request, experiment)
        return json_answer(request, experiment)

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
    def archive(self, request: Request, key: str) -> Response:
        """Put a stopped experiment away."""
        return self._moved(transitions.archive_experiment, request)

    def _moved(self, move: Callable[..., bool], request: Request) -> Response:
        return conditionally(self, request, lambda: self._after(move, request))

    def _after(self, move: Callable[..., bool], request: Request) -> Response:
        experiment, actor = self.get_object(), actor_of(request)
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        by = {"author": actor.author, "server_key": actor.server_key}
        if not move(experiment=experiment, now=timezone.now(), **by):
            raise WrongStateError(experiment)
        return self.answer(experiment)
