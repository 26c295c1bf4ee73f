"""Approval of a draft by a second person, in the management API."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import may
from experiments.api.v1.contract.errors import WrongStateError
from experiments.api.v1.lifecycle.traffic import TrafficMixin, occasion_of
from experiments.api.v1.management.edited_rows import conditionally
from experiments.api.v1.serializers import AnswerSerializer, NoteSerializer
from experiments.models import Approval, Experiment
from experiments.selectors.permissions import APPROVE
from experiments.services.lifecycle.approvals import (
    ApprovalState,
    CannotApproveError,
    answer_approval,
    approval_state,
    ask_approval,
)

APPROVED = {True: Approval.State.APPROVED, False: Approval.State.DECLINED}


class ApprovalMixin(TrafficMixin):
    """Approval of an experiment."""

    @extend_schema(responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["get"])
    def approval(self, request: Request, key: str) -> Response:
        """State of a draft's approval, the draft's content, and the changes since."""
        return Response(_as_json(self.get_object()))

    @extend_schema(request=NoteSerializer, responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["post"], url_path="ask-approval")
    def ask_approval(self, request: Request, key: str) -> Response:
        """Ask that a second person approve the draft as it is now."""
        return conditionally(self, request, lambda: self._ask(request))

    def _ask(self, request: Request) -> Response:
        experiment, values = self._asked(NoteSerializer, request)
        ask_approval(experiment=experiment, occasion=occasion_of(request, values["note"]))
        return Response(_as_json(experiment))

    @extend_schema(request=AnswerSerializer, responses=OpenApiTypes.OBJECT)
    @action(detail=True, methods=["post"], url_path="answer-approval")
    def answer_approval(self, request: Request, key: str) -> Response:
        """Approve or decline what was asked for. Only a person does, and not the author."""
        return conditionally(self, request, lambda: self._answer(request))

    def _answer(self, request: Request) -> Response:
        experiment, values = self._asked(AnswerSerializer, request)
        occasion = occasion_of(request, values["note"])
        if occasion.author is None:
            raise CannotApproveError([_("A person approves, not a server.")])
        if not may(request.user, APPROVE, experiment):
            raise PermissionDenied
        latest = approval_state(experiment).latest
        state = APPROVED[values["approve"]]
        if latest is None or not answer_approval(approval=latest, state=state, occasion=occasion):
            raise WrongStateError(experiment)
        return Response(_as_json(experiment))


def _as_json(experiment: Experiment) -> dict[str, Any]:
    state = approval_state(experiment)
    return {
        "needed": experiment.slot.site.needs_approval,
        "holds": state.holds,
        "request": _request(state),
        "content": [entry._asdict() for entry in state.content],
        "changed": [
            {"row": one.row, "field": one.field, "before": one.before, "after": one.after}
            for one in state.changed
        ],
    }


def _request(state: ApprovalState) -> dict[str, Any] | None:
    latest = state.latest
    if latest is None:
        return None
    return {
        "state": latest.state,
        "asked_at": latest.asked_at,
        "asked_by": str(latest.asked_by or latest.server_key),
        "note": latest.note,
        "answered_at": latest.answered_at,
        "answered_by": str(latest.answered_by) if latest.answered_by else None,
        "answer": latest.answer,
    }
