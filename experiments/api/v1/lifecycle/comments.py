"""Comments on an experiment, its tags and the person responsible for it, in the management API."""

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import refuse_unless
from experiments.api.v1.lifecycle.traffic import TrafficMixin
from experiments.api.v1.management.edited_rows import author_of, conditionally
from experiments.api.v1.serializers import ExperimentSerializer, StrictSerializer
from experiments.models import Comment, Experiment
from experiments.selectors.permissions import COMMENT, people_with
from experiments.services.exploration.comments import LONGEST_TEXT, add_comment, remove_comment
from experiments.services.exploration.labels import MOST_TAGS, VIEW, set_labels

MOST_DIGITS = 18


class CommentBody(StrictSerializer):
    text = serializers.CharField(max_length=LONGEST_TEXT)


class CommentSerializer(serializers.ModelSerializer[Comment]):
    """A comment; `author` is null for a server, and for an account that is gone."""

    author = serializers.CharField(source="author.username", default=None, allow_null=True)

    class Meta:
        model = Comment
        fields = ("id", "at", "text", "author", "server_key")


class LabelsBody(StrictSerializer):
    """Tags replace those that are there; `owner` is the name of an account, or null."""

    tags = serializers.ListField(child=serializers.CharField(max_length=50), max_length=MOST_TAGS)
    owner = serializers.CharField(max_length=150, allow_null=True)


class CommentMixin(TrafficMixin):
    """Comments and labels of an experiment."""

    # That of the model, unless an action names another.
    permission: str | None = None

    @extend_schema(request=CommentBody, responses=CommentSerializer(many=True))
    @action(detail=True, methods=["get", "post"], pagination_class=None, permission=VIEW)
    def comments(self, request: Request, key: str) -> Response:
        """Comments below the report, the oldest first; `POST` adds one."""
        experiment = self.get_object()
        if request.method == "POST":
            refuse_unless(request, COMMENT, experiment)
            body = CommentBody(data=request.data)
            body.is_valid(raise_exception=True)
            text = body.validated_data["text"]
            add_comment(experiment=experiment, text=text, by=author_of(request))
        return _listed(experiment)

    @extend_schema(
        parameters=[OpenApiParameter("comment", int, required=True)],
        request=None,
        responses=CommentSerializer(many=True),
    )
    @comments.mapping.delete
    def remove_comment(self, request: Request, key: str) -> Response:
        """Remove one's own comment, named by `?comment=ID`."""
        experiment = self.get_object()
        refuse_unless(request, COMMENT, experiment)
        number = request.query_params.get("comment", "")
        if not (number.isdecimal() and len(number) < MOST_DIGITS):
            raise ValidationError({"comment": ["Say which, by its id."]})
        row = get_object_or_404(Comment, experiment=experiment, pk=int(number))
        if not remove_comment(comment=row, by=author_of(request)):
            raise PermissionDenied
        return _listed(experiment)

    @extend_schema(request=LabelsBody, responses=ExperimentSerializer)
    @action(detail=True, methods=["post"])
    def labels(self, request: Request, key: str) -> Response:
        """Replace the tags, and name who is responsible; possible in every state."""
        return conditionally(self, request, lambda: self._labels(request))

    def _labels(self, request: Request) -> Response:
        experiment, values = self._asked(LabelsBody, request)
        owner = _person(experiment, values["owner"])
        tags = values["tags"]
        set_labels(experiment=experiment, tags=tags, owner=owner, by=author_of(request))
        return self._shown()


def _listed(experiment: Experiment) -> Response:
    rows = experiment.comments.select_related("author")
    return Response(CommentSerializer(rows, many=True).data)


def _person(experiment: Experiment, name: str | None) -> Any:
    if name is None:
        return None
    found = people_with(VIEW, experiment.slot.site).filter(username=name).first()
    if found is None:
        raise ValidationError({"owner": ["There is none with a role on this site."]})
    return found
