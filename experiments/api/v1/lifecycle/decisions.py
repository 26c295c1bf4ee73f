"""End of an experiment in the management API: stop, decision, and undoing of a promotion."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import may
from experiments.api.v1.contract.errors import WrongStateError
from experiments.api.v1.lifecycle.traffic import TrafficMixin, occasion_of
from experiments.api.v1.management.edited_rows import conditionally
from experiments.api.v1.serializers import (
    DecideSerializer,
    ExperimentSerializer,
    NothingSerializer,
    StopSerializer,
)
from experiments.models import Experiment
from experiments.services.lifecycle.decisions import Choice, undo_promotion
from experiments.services.lifecycle.transitions import stop_experiment
from experiments.services.reporting.end_of_test import end_test


class DecisionMixin(TrafficMixin):
    """Stop and decision of an experiment."""

    @extend_schema(request=StopSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def stop(self, request: Request, key: str) -> Response:
        """End a live experiment for good, with its decision if one is named.

        `promotes` makes the CTA of the winner, or of the control, the slot's default in the same
        transaction; `expected_default` refuses that (409) if the slot has another default by now.
        Without any field it only stops: the decision can be sent to `decision` later.
        """
        return conditionally(self, request, lambda: self._stop(request))

    def _stop(self, request: Request) -> Response:
        experiment, values = self._asked(StopSerializer, request)
        if experiment.status not in Experiment.LIVE_STATUSES:
            raise WrongStateError(experiment)
        if "outcome" in values:
            return self._decided(request, experiment, values)
        occasion = occasion_of(request)
        by = {"author": occasion.author, "server_key": occasion.server_key}
        if not stop_experiment(experiment=experiment, now=occasion.now, **by):
            raise WrongStateError(experiment)
        return self._shown()

    @extend_schema(request=DecideSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def decision(self, request: Request, key: str) -> Response:
        """Decide about an experiment that was stopped without a decision; as `stop` does."""
        return conditionally(self, request, lambda: self._decision(request))

    def _decision(self, request: Request) -> Response:
        experiment, values = self._asked(DecideSerializer, request)
        if experiment.status not in Experiment.FINISHED_STATUSES:
            raise WrongStateError(experiment)
        return self._decided(request, experiment, values)

    @extend_schema(request=NothingSerializer, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"], url_path="undo-promotion")
    def undo_promotion(self, request: Request, key: str) -> Response:
        """Make the former CTA the slot's default again, within 24 hours of the decision."""
        return conditionally(self, request, lambda: self._undo_promotion(request))

    def _undo_promotion(self, request: Request) -> Response:
        experiment, _ = self._asked(NothingSerializer, request)
        self._check_promotion(request, experiment)
        if not undo_promotion(experiment=experiment, occasion=occasion_of(request)):
            raise WrongStateError(experiment)
        return self._shown()

    def _decided(
        self, request: Request, experiment: Experiment, values: dict[str, Any]
    ) -> Response:
        choice = Choice(**values)
        if choice.promotes:
            self._check_promotion(request, experiment)
        if not end_test(experiment=experiment, choice=choice, occasion=occasion_of(request)):
            raise WrongStateError(experiment)
        return self._shown()

    def _check_promotion(self, request: Request, experiment: Experiment) -> None:
        """Raise PermissionDenied unless the default CTA of the slot may be changed."""
        if not may(request.user, "experiments.change_slot", experiment.slot):
            raise PermissionDenied
