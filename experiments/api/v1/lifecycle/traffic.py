"""Lifecycle and traffic of an experiment in the management API."""

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from experiments.api.v1.authentication import actor_of
from experiments.api.v1.contract.errors import WrongStateError
from experiments.api.v1.management.edited_rows import conditionally
from experiments.api.v1.management.preconditions import etag_of
from experiments.api.v1.serializers import (
    ExperimentSerializer,
    RampSerializer,
    RestoreArmSerializer,
    RollbackSerializer,
    ScheduleSerializer,
    TrafficSerializer,
)
from experiments.models import Experiment
from experiments.selectors import lifecycle
from experiments.services.lifecycle.arm_rollback import restore_arm
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.ramps import PlannedStep, set_ramp
from experiments.services.lifecycle.schedules import set_schedule
from experiments.services.lifecycle.traffic_allocation import change_traffic
from experiments.services.lifecycle.transitions import roll_back_experiment
from experiments.services.operations.auto_rollback import reason_by_hand, reason_in_words
from experiments.services.serving.preview_links import PARAMETER, preview_token


class TrafficMixin(GenericViewSet[Experiment]):
    """Shares, ramp, schedule, roll-back, previews and history of an experiment."""

    @extend_schema(request=TrafficSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def traffic(self, request: Request, key: str) -> Response:
        """Give the arms other shares (0 drops an arm), or take another part of the visitors in."""
        return conditionally(self, request, lambda: self._traffic(request))

    def _traffic(self, request: Request) -> Response:
        experiment, values = self._asked(TrafficSerializer, request)
        change_traffic(
            experiment=experiment,
            shares=values.get("shares"),
            coverage=values.get("coverage"),
            occasion=occasion_of(request, values["note"]),
        )
        return self._shown()

    @extend_schema(request=RampSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def ramp(self, request: Request, key: str) -> Response:
        """Replace the ramp; no steps take it away."""
        return conditionally(self, request, lambda: self._ramp(request))

    def _ramp(self, request: Request) -> Response:
        experiment, values = self._asked(RampSerializer, request)
        steps = [PlannedStep(**step) for step in values["steps"]]
        occasion = occasion_of(request, values["note"])
        set_ramp(experiment=experiment, steps=steps, occasion=occasion)
        return self._shown()

    @extend_schema(request=ScheduleSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def schedule(self, request: Request, key: str) -> Response:
        """Plan the start of a draft and the end."""
        return conditionally(self, request, lambda: self._schedule(request))

    def _schedule(self, request: Request) -> Response:
        experiment, values = self._asked(ScheduleSerializer, request)
        planned = {"starts_at": experiment.starts_at, "ends_at": experiment.ends_at}
        done = set_schedule(
            experiment=experiment, occasion=occasion_of(request), **(planned | values)
        )
        return self._shown(done=done)

    @extend_schema(request=RollbackSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"], url_path="roll-back")
    def roll_back(self, request: Request, key: str) -> Response:
        """Show everybody the default CTA; `resume` undoes it."""
        return conditionally(self, request, lambda: self._roll_back(request))

    def _roll_back(self, request: Request) -> Response:
        experiment, values = self._asked(RollbackSerializer, request)
        reason = reason_by_hand(values["reason"])
        occasion = occasion_of(request, reason)
        return self._shown(
            done=roll_back_experiment(experiment=experiment, reason=reason, occasion=occasion)
        )

    @extend_schema(request=RestoreArmSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"], url_path="restore-arm")
    def restore_arm(self, request: Request, key: str) -> Response:
        """Give an arm that was rolled back its last share again."""
        return conditionally(self, request, lambda: self._restore_arm(request))

    def _restore_arm(self, request: Request) -> Response:
        experiment, values = self._asked(RestoreArmSerializer, request)
        occasion = occasion_of(request, values["note"])
        return self._shown(
            done=restore_arm(experiment=experiment, key=values["arm"], occasion=occasion)
        )

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def previews(self, request: Request, key: str) -> Response:
        """Query parameters that preview each arm on a page, uncounted."""
        arms = self.get_object().variants.select_related("experiment__slot")
        return Response({arm.key: f"{PARAMETER}={preview_token(arm)}" for arm in arms})

    @extend_schema(request=None, responses=OpenApiTypes.OBJECT)
    @action(detail=True)
    def history(self, request: Request, key: str) -> Response:
        """Phases, steps of the ramp, and what was done, the latest first."""
        experiment = self.get_object()
        phases = experiment.phases.values("number", "started_at", "shares", "coverage")
        steps = experiment.ramp.values("number", "coverage", "hold_hours", "reached_at")
        changes = lifecycle.changes_of(experiment).values(
            "at", "kind", "note", "author__username", "by_person", "server_key"
        )
        reason = experiment.rollback_reason
        content: dict[str, Any] = {"phases": phases, "ramp": steps, "changes": changes}
        return Response({**content, "rollback_reason": reason_in_words(reason) if reason else None})

    def _asked(
        self, serializer: type[Serializer[Any]], request: Request
    ) -> tuple[Experiment, dict[str, Any]]:
        # First of all: a foreign row is not there, whatever is asked of it.
        experiment = self.get_object()
        form = serializer(data=request.data)
        form.is_valid(raise_exception=True)
        return experiment, form.validated_data

    def _shown(self, *, done: bool = True) -> Response:
        experiment = self.get_object()
        if not done:
            raise WrongStateError(experiment)
        shown = self.get_serializer(experiment).data
        return Response(shown, headers={"ETag": etag_of(shown)})


def occasion_of(request: Request, note: str = "") -> Occasion:
    """Return now, with the person who asks, or the name of the server's key."""
    actor = actor_of(request)
    return Occasion(now=timezone.now(), author=actor.author, server_key=actor.server_key, note=note)
