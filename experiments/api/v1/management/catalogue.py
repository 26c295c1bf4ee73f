"""Sites, CTAs, audiences, namespaces and slots: read, created, changed, removed."""

from typing import Any, TypeVar, cast

from django.db import transaction
from django.db.models import Model, QuerySet
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from experiments.api.v1.authentication import may, sites_where
from experiments.api.v1.management.bodies import (
    AudienceBody,
    CTABody,
    NamespaceBody,
    SiteBody,
    SlotBody,
)
from experiments.api.v1.management.edited_rows import (
    EditedRowsViewSet,
    Values,
    author_of,
    documented,
)
from experiments.api.v1.management.references import row_named, site_named
from experiments.api.v1.management.site_history import SiteHistoryMixin
from experiments.api.v1.serializers import (
    AudienceSerializer,
    CheckedWordingSerializer,
    CTASerializer,
    CTAUseSerializer,
    NamespaceSerializer,
    NothingSerializer,
    ReachSerializer,
    SiteSerializer,
    SlotSerializer,
)
from experiments.models import CTA, Audience, CTAWording, Namespace, ServerKey, Site, Slot
from experiments.selectors import catalogue
from experiments.selectors.permissions import permission_name
from experiments.services.catalogue.audience_reach import reach_of
from experiments.services.catalogue.cta_checks import check_wordings
from experiments.services.catalogue.cta_copies import copy_cta
from experiments.services.catalogue.editing import LockedError, save_cta, save_row
from experiments.services.drafting.cta_archive import archive_ctas, restore_ctas
from experiments.services.edits.edit_log import Way, log_edit
from experiments.targeting.validation import storable

Row = TypeVar("Row", bound=Model)


class RowsOfSites(EditedRowsViewSet[Row]):
    """Rows whose site is named when they are created, and stays."""

    # Field by which a site has one of them.
    identity = "key"

    def made(self, request: Request, values: Values) -> Row:
        model: Any = cast(Any, self).queryset.model
        permission = permission_name("add", model)
        return cast(Row, model(site=site_named(request, values.pop("site", None), permission)))

    def same(self, row: Row, values: Values) -> Row | None:
        rows: Any = type(row)
        found = rows.objects.filter(site=row.site, **{self.identity: values[self.identity]})  # type: ignore[attr-defined]
        return cast("Row | None", found.first())

    def stored(self, row: Row, values: Values) -> None:
        assign(row, values)
        save_row(row)


@documented
class SiteViewSet(SiteHistoryMixin, EditedRowsViewSet[Site]):
    """Sites and their settings. Only a superuser creates one; none is removed here."""

    serializer_class = SiteSerializer
    queryset = Site.objects.none()
    body = SiteBody
    noun = "a site"
    http_method_names = ("get", "post", "patch", "head", "options")
    lookup_field = "key"
    lookup_value_regex = "[-a-zA-Z0-9_]+"

    @property
    def scope(self) -> str | None:
        """A key that runs experiments may not open the site to other origins."""
        is_change = self.request.method in {"POST", "PATCH"}
        return ServerKey.Scope.MANAGE if is_change else None

    def get_queryset(self) -> QuerySet[Site]:
        return sites_where(self.request.user, "experiments.view_site").order_by("key")

    def made(self, request: Request, values: Values) -> Site:
        if not may(request.user, "experiments.add_site"):
            raise PermissionDenied
        return Site()

    def same(self, row: Site, values: Values) -> Site | None:
        return catalogue.site_by_key(values["key"])

    def stored(self, row: Site, values: Values) -> None:
        if not row._state.adding and values.get("key", row.key) != row.key:
            raise ValidationError({"key": ["The key of a site stays."]})
        assign(row, values)
        save_row(row)


@documented
class CTAViewSet(RowsOfSites[CTA]):
    """CTAs with their wordings."""

    serializer_class = CTASerializer
    queryset = CTA.objects.none()
    body = CTABody
    noun = "a CTA"
    identity = "name"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[CTA]:
        rows = catalogue.ctas_of(sites=sites_where(self.request.user, "experiments.view_cta"))
        if self.action != "list":
            return rows
        is_archived = self.request.query_params.get("archived") == "true"
        return rows.exclude(archived_at=None) if is_archived else catalogue.pickable_ctas(rows)

    @extend_schema(parameters=[OpenApiParameter("archived", bool)])
    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return those that are offered for slots and tests; with `archived=true` the others."""
        return super().list(request, *args, **kwargs)

    @extend_schema(request=NothingSerializer, responses=CTASerializer)
    @action(detail=True, methods=["post"])
    def archive(self, request: Request, pk: str) -> Response:
        """Take a CTA out of lists and choices; 409 if a test or a slot uses it."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        done = archive_ctas([self.get_object()], by=author_of(request))
        if done.kept:
            raise LockedError(done.kept[0][1])
        return self.answer(self.again(self.get_object()))

    @extend_schema(request=NothingSerializer, responses=CTASerializer)
    @action(detail=True, methods=["post"])
    def restore(self, request: Request, pk: str) -> Response:
        """Bring an archived CTA back."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        restore_ctas([self.get_object()], by=author_of(request))
        return self.answer(self.again(self.get_object()))

    def made(self, request: Request, values: Values) -> CTA:
        row = super().made(request, values)
        assign(row, dict(row.site.brand_look))
        return row

    @extend_schema(request=NothingSerializer, responses={201: CTASerializer})
    @action(detail=True, methods=["post"])
    def copy(self, request: Request, pk: str) -> Response:
        """Create a CTA with the same look, wordings and tags, named as a copy."""
        NothingSerializer(data=request.data).is_valid(raise_exception=True)
        with transaction.atomic():
            cta = self.get_object()
            copy = copy_cta(cta)
            log_edit(copy, before=[], by=author_of(request, way=Way.COPY, note=cta.name))
        answer = self.answer(self.again(copy), status=201)
        answer.headers["Location"] = self.address_of(copy)
        return answer

    @extend_schema(responses=CheckedWordingSerializer(many=True))
    @action(detail=True, pagination_class=None)
    def checks(self, request: Request, pk: str) -> Response:
        """Findings of its words, colours and size, by language, and the principles they show."""
        cta = self.get_object()
        texts = {row.locale: row.text for row in cta.wordings.all()}
        return Response(CheckedWordingSerializer(check_wordings(cta, texts), many=True).data)

    @extend_schema(responses=CTAUseSerializer)
    @action(detail=True)
    def use(self, request: Request, pk: str) -> Response:
        """Slots whose default it is, and experiments in which it is an arm."""
        cta = self.get_object()
        slots = list(catalogue.slots_showing(cta).values_list("key", flat=True))
        shown = {"slots": slots, "arms": catalogue.arms_showing(cta)}
        return Response(CTAUseSerializer(shown).data)

    def stored(self, row: CTA, values: Values) -> None:
        wordings, tags = values.pop("wordings", None), values.pop("tags", None)
        assign(row, values)
        rows = None if wordings is None else [CTAWording(**wording) for wording in wordings]
        save_cta(row, wordings=rows, tags=tags)


@documented
class AudienceViewSet(RowsOfSites[Audience]):
    """Audiences and their conditions."""

    serializer_class = AudienceSerializer
    queryset = Audience.objects.none()
    body = AudienceBody
    noun = "an audience"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[Audience]:
        return catalogue.audiences_of(
            sites=sites_where(self.request.user, "experiments.view_audience")
        )

    @extend_schema(responses=ReachSerializer)
    @action(detail=True)
    def reach(self, request: Request, pk: str) -> Response:
        """Count the visitors of the last 30 days who would have been in it."""
        audience = self.get_object()
        condition = storable(audience.condition)
        reach = reach_of(site=audience.site, condition=condition, now=timezone.now())
        return Response(ReachSerializer(reach).data)


@documented
class NamespaceViewSet(RowsOfSites[Namespace]):
    """Namespaces, whose disjoint ranges keep experiments apart."""

    serializer_class = NamespaceSerializer
    queryset = Namespace.objects.none()
    body = NamespaceBody
    noun = "a namespace"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[Namespace]:
        return catalogue.namespaces_of(
            sites=sites_where(self.request.user, "experiments.view_namespace")
        )


@documented
class SlotViewSet(RowsOfSites[Slot]):
    """Slots and their default CTAs."""

    serializer_class = SlotSerializer
    queryset = Slot.objects.none()
    body = SlotBody
    noun = "a slot"
    http_method_names = ("get", "post", "patch", "delete", "head", "options")

    def get_queryset(self) -> QuerySet[Slot]:
        sites = sites_where(self.request.user, "experiments.view_slot")
        return catalogue.slots_of(sites=sites).select_related("site")

    def stored(self, row: Slot, values: Values) -> None:
        if "default_cta" in values:
            ctas = catalogue.pickable_ctas(CTA.objects.filter(site=row.site))
            values["default_cta"] = row_named(ctas, "default_cta", pk=values["default_cta"])
        super().stored(row, values)


def assign(row: Model, values: Values) -> None:
    """Give a row new values; its site stays."""
    site = values.pop("site", None)
    if site is not None and site != row.site.key:  # type: ignore[attr-defined]
        raise ValidationError({"site": ["The site of a row stays."]})
    for name, value in values.items():
        setattr(row, name, value)
