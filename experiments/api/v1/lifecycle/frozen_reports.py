"""Frozen reports and their share links in the management API."""

import json
from typing import Any

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from experiments.api.v1.authentication import refuse_unless, sites_where
from experiments.api.v1.contract.errors import WrongStateError
from experiments.api.v1.lifecycle.traffic import occasion_of
from experiments.api.v1.serializers import StrictSerializer
from experiments.code_version import report_code
from experiments.models import Experiment, FrozenReport, ShareLink
from experiments.selectors import reports
from experiments.selectors.permissions import FREEZE, SHARE
from experiments.services.documents.frozen_reports import (
    CannotShareError,
    Lock,
    freeze_report,
    is_intact,
    revoke_link,
    share_report,
)
from experiments.services.exploration.report_view import ViewRefusedError

VIEW = "experiments.view_experiment"
# Fields of the service that have another name here.
FIELDS = {"expires": "expires_at", "": "non_field_errors"}


class AlreadyClosedError(APIException):
    """A link that was revoked before."""

    status_code = 409
    default_detail = "The link is closed already."


class FrozenReportsQuery(serializers.Serializer[None]):
    experiment = serializers.CharField(
        max_length=50, required=False, help_text="Key: only its versions."
    )


class FreezeSerializer(StrictSerializer):
    """The experiment, a note, and the choices of a view as in the address of the report."""

    experiment = serializers.CharField(max_length=50, help_text="Key of the experiment.")
    note = serializers.CharField(required=False, default="", allow_blank=True, max_length=500)
    view = serializers.DictField(
        child=serializers.CharField(max_length=200), required=False, default=dict
    )


class ShareSerializer(StrictSerializer):
    """The moment at which a link expires, within a year, and a password or none."""

    expires_at = serializers.DateTimeField()
    password = serializers.CharField(
        required=False, default="", allow_blank=True, trim_whitespace=False, max_length=128
    )


class ShareLinkSerializer(serializers.ModelSerializer[ShareLink]):
    author = serializers.StringRelatedField[Any](allow_null=True)
    has_password = serializers.SerializerMethodField()

    class Meta:
        model = ShareLink
        fields = ("id", "created_at", "author", "expires_at", "revoked_at", "has_password")

    def get_has_password(self, link: ShareLink) -> bool:
        return bool(link.password)


class NewLinkSerializer(ShareLinkSerializer):
    """A new link with its address, which no later answer shows."""

    url = serializers.CharField()

    class Meta(ShareLinkSerializer.Meta):
        fields = (*ShareLinkSerializer.Meta.fields, "url")  # type: ignore[assignment]  # Longer


class FrozenReportSerializer(serializers.ModelSerializer[FrozenReport]):
    """A frozen version; `digest` is the SHA-256 of its content as text."""

    experiment = serializers.SlugRelatedField[Any](slug_field="key", read_only=True)
    author = serializers.StringRelatedField[Any](allow_null=True)

    class Meta:
        model = FrozenReport
        fields = (
            *("id", "experiment", "frozen_at", "author", "note", "first_day", "last_day"),
            *("visitors", "code_version", "digest"),
        )


class WholeFrozenReportSerializer(FrozenReportSerializer):
    """A frozen version with its content and links."""

    content = serializers.SerializerMethodField()
    is_intact = serializers.SerializerMethodField()
    links = ShareLinkSerializer(many=True, read_only=True)

    class Meta(FrozenReportSerializer.Meta):
        fields = (  # type: ignore[assignment]  # Longer
            *FrozenReportSerializer.Meta.fields,
            *("is_intact", "content", "links"),
        )

    def get_content(self, frozen: FrozenReport) -> dict[str, Any]:
        content: dict[str, Any] = json.loads(frozen.content)
        return content

    def get_is_intact(self, frozen: FrozenReport) -> bool:
        return is_intact(frozen)


class FrozenReportsView(ListAPIView[FrozenReport]):
    """Frozen versions of reports, the newest first."""

    permission = VIEW
    serializer_class = FrozenReportSerializer

    @extend_schema(parameters=[FrozenReportsQuery])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return frozen versions without their content, a page of them."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[FrozenReport]:
        rows = _frozen_reports(self.request).defer("content")
        query = FrozenReportsQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        key = query.validated_data.get("experiment")
        return rows.filter(experiment__key=key) if key else rows

    @extend_schema(request=FreezeSerializer, responses={201: WholeFrozenReportSerializer})
    def post(self, request: Request) -> Response:
        """Freeze the report of an experiment as it is now; 409 for a draft."""
        form = FreezeSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        readable = reports.experiments_for_report(sites=sites_where(request.user, VIEW))
        experiment = get_object_or_404(readable, key=form.validated_data["experiment"])
        refuse_unless(request, FREEZE, experiment)
        if experiment.status == Experiment.Status.DRAFT:
            raise WrongStateError(experiment)
        try:
            frozen = freeze_report(
                experiment=experiment,
                view=form.validated_data["view"],
                code_version=report_code(),
                occasion=occasion_of(request, form.validated_data["note"]),
            )
        except ViewRefusedError as error:
            faults = {f"view.{name}": text for name, text in error.faults.items()}
            raise ValidationError(faults) from error
        return Response(WholeFrozenReportSerializer(frozen).data, status=201)


class FrozenReportView(APIView):
    """One frozen version."""

    permission = VIEW

    @extend_schema(responses=WholeFrozenReportSerializer)
    def get(self, request: Request, pk: int) -> Response:
        """Return a frozen version with its content and links."""
        return Response(WholeFrozenReportSerializer(_found(request, pk)).data)


class ShareLinksView(APIView):
    """Share links of a frozen version."""

    permission = VIEW

    @extend_schema(responses=ShareLinkSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """Return the links of a frozen version, closed ones too, without their addresses."""
        links = _found(request, pk).links.select_related("author")
        return Response(ShareLinkSerializer(links, many=True).data)

    @extend_schema(request=ShareSerializer, responses={201: NewLinkSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Make a link that shows a frozen version without a log-in; its address is shown once."""
        frozen = _found(request, pk)
        refuse_unless(request, SHARE, frozen.experiment)
        form = ShareSerializer(data=request.data)
        form.is_valid(raise_exception=True)
        try:
            link, token = share_report(
                frozen=frozen, lock=Lock(**form.validated_data), occasion=occasion_of(request)
            )
        except CannotShareError as error:
            faults = {FIELDS.get(name, name): text for name, text in error.faults.items()}
            raise ValidationError(faults) from error
        link.url = request.build_absolute_uri(reverse("shared-report", args=[token]))  # type: ignore[attr-defined]
        shown = NewLinkSerializer(link).data
        return Response(shown, status=201, headers={"Cache-Control": "no-store"})


class ShareLinkView(APIView):
    """One share link."""

    permission = VIEW

    @extend_schema(request=None, responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Close a link at once; 409 if it was closed before."""
        links = ShareLink.objects.filter(
            frozen__experiment__slot__site__in=sites_where(request.user, VIEW)
        )
        link = get_object_or_404(links.select_related("frozen__experiment__slot"), pk=pk)
        experiment = link.frozen.experiment
        refuse_unless(request, SHARE, experiment)
        if not revoke_link(link=link, occasion=occasion_of(request)):
            raise AlreadyClosedError
        return Response(status=204)


def _frozen_reports(request: Request) -> QuerySet[FrozenReport]:
    sites = sites_where(request.user, VIEW)
    rows = FrozenReport.objects.filter(experiment__slot__site__in=sites)
    return rows.select_related("author", "experiment__slot__site")


def _found(request: Request, pk: int) -> FrozenReport:
    found: FrozenReport = get_object_or_404(_frozen_reports(request), pk=pk)
    return found
