"""Base classes of admin pages: rows by the roles on their sites, and what is served."""

import re
from collections.abc import Callable
from datetime import tzinfo
from functools import wraps
from typing import Any, TypeVar, cast

from django.contrib.admin import RelatedFieldListFilter
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.admin.widgets import AutocompleteSelect, AutocompleteSelectMultiple
from django.core.exceptions import BadRequest, PermissionDenied, ValidationError
from django.db.models import Model, QuerySet
from django.forms import Media, ModelMultipleChoiceField
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin

from experiments.admin.editing.concurrent_edits import ConcurrentEdits
from experiments.admin.editing.edit_history import EditHistory
from experiments.models import CTA, Site
from experiments.selectors import catalogue, permissions
from experiments.services.catalogue.config_revision import bump_revision

Row = TypeVar("Row", bound=Model)
View = TypeVar("View", bound=Callable[..., Any])
# Buttons above lists of what may be imported.
IMPORT_LINKS = "admin/experiments/import_links.html"
# A third of a list's page is the indentation of its templates.
INDENT = re.compile(rb"\n\s+")
# A key of a row has at most 19.
MOST_DIGITS = 19
# Rows of an inline: Django would build 2,000 forms for whoever asks for them, in seconds.
MOST_ROWS = 200
# Rows of one filter: with more its list would be longer than that of the page.
MOST_CHOICES = 50


def in_time_zone_of_site(view: View) -> View:
    """Show a page of an experiment, and read its form, in the time zone of its site."""

    @wraps(view)
    def shown(self: Any, request: HttpRequest, pk: Any = None, *args: Any, **kwargs: Any) -> Any:
        site = _site_of(request, pk)
        zone = site.zone if site else None
        with timezone.override(zone):
            response = view(self, request, pk, *args, **kwargs)
        if isinstance(response, TemplateResponse):
            _render_in(zone, response)
        return response

    return cast(View, shown)


def _render_in(zone: tzinfo | None, response: TemplateResponse) -> None:
    """Let the page write its times in the zone when it is rendered: after the middleware."""
    render = response.render

    def in_zone() -> Any:
        with timezone.override(zone):
            return render()

    response.render = in_zone  # type: ignore[method-assign]


def _site_of(request: HttpRequest, pk: Any) -> Site | None:
    """Return the site of the slot that the form names, or of the experiment."""
    slot, experiment = request.POST.get("slot", ""), str(pk or "")
    # A longer number is no key of a row, and no number for the database.
    if slot.isdecimal() and len(slot) < MOST_DIGITS:
        return catalogue.site_of_slot(int(slot))
    if experiment.isdecimal() and len(experiment) < MOST_DIGITS:
        return catalogue.site_of_experiment(int(experiment))
    return None


def link_to(row: Model, text: str) -> SafeString:
    """Return a text that leads to the page of a row."""
    name = f"admin:{row._meta.app_label}_{row._meta.model_name}_change"
    return format_html('<a class="cta-link" href="{}">{}</a>', reverse(name, args=[row.pk]), text)


def is_key(model: type[Model], text: Any) -> bool:
    """Return whether a row could have this key; the database refuses to look others up."""
    try:
        model._meta.pk.clean(text, None)
    except ValidationError:
        return False
    return True


class KnownKeys:
    """For widgets that complete a row's name: texts that no key can be are not looked up again."""

    field: Any

    def optgroups(self, name: str, value: list[str], attr: Any = None) -> list[Any]:
        model = self.field.remote_field.model
        keys = [one for one in value if is_key(model, one)]
        groups: list[Any] = super().optgroups(name, keys, attr)  # type: ignore[misc]
        return groups


class RowSelect(KnownKeys, AutocompleteSelect):  # type: ignore[misc]  # The same, but for types
    """Choice of one row."""


class RowsSelect(KnownKeys, AutocompleteSelectMultiple):  # type: ignore[misc]  # As above
    """Choice of some rows."""


class RowsField(ModelMultipleChoiceField):  # type: ignore[type-arg]
    """Choice of rows, where a number too large for any key is refused as a word is."""

    def _check_values(self, value: Any) -> Any:
        model = self.queryset.model  # type: ignore[union-attr]  # None before a form has it
        for one in value:
            if not is_key(model, one):
                raise ValidationError(
                    self.error_messages["invalid_pk_value"], "invalid_pk_value", {"pk": one}
                )
        return super()._check_values(value)  # type: ignore[misc]


class OfSites:
    """Permissions by role, for the pages and inlines of rows that belong to sites.

    The rows of other sites are not found, offered or counted.
    """

    model: type[Model]

    def may(self, request: HttpRequest, verb: str, row: Model | None = None) -> bool:
        """Return whether the person may do this to the row, which for an inline is its parent."""
        return permissions.may(request.user, permissions.permission_name(verb, self.model), row)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "view", obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "add", obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.may(request, "delete", obj)

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Return the forms of an inline; a made-up number of them is not built."""
        bounds = {"max_num": MOST_ROWS, "absolute_max": MOST_ROWS}
        return super().get_formset(request, obj, **bounds | kwargs)  # type: ignore[misc]

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs["widget"] = RowSelect(db_field, self.admin_site)  # type: ignore[attr-defined]
        return super().formfield_for_foreignkey(db_field, request, **kwargs)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs["form_class"] = RowsField
        if db_field.name in self.get_autocomplete_fields(request):  # type: ignore[attr-defined]
            kwargs["widget"] = RowsSelect(db_field, self.admin_site)  # type: ignore[attr-defined]
        return super().formfield_for_manytomany(db_field, request, **kwargs)  # type: ignore[misc]

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Offer the rows of the sites whose rows of this kind the person may change."""
        rows = super().get_field_queryset(db, db_field, request)  # type: ignore[misc]
        related = db_field.remote_field.model
        if related is CTA:
            rows = catalogue.pickable_ctas(CTA.objects.all() if rows is None else rows)
        if related not in permissions.SITE_LOOKUPS:
            return rows
        rows = related._default_manager.all() if rows is None else rows
        needed = permissions.permission_name("change", self.model)
        sites = permissions.sites_where(request.user, needed)
        return rows.filter(**{f"{permissions.SITE_LOOKUPS[related]}__in": sites})


class ChosenRows:
    """For lists with actions: a choice that names no row's key is refused, not looked up."""

    model: type[Model]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        if not all(one and is_key(self.model, one) for one in chosen):
            raise BadRequest("A chosen row has no such key.")
        response: HttpResponse = super().changelist_view(request, *args, **kwargs)  # type: ignore[misc]
        return response


class FewRowsFilter(RelatedFieldListFilter):
    """A filter by related rows that listed ones have; of very many the search finds them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        listed = model_admin.get_queryset(request).order_by().values(f"{self.field_path}__pk")
        related = field.remote_field.model._default_manager.filter(pk__in=listed)
        order = self.field_admin_ordering(field, request, model_admin)
        rows = list(related.order_by(*order)[: MOST_CHOICES + 1])
        return [(row.pk, str(row)) for row in rows] if len(rows) <= MOST_CHOICES else []


class SiteRowsAdmin(ChosenRows, OfSites, EditHistory, ConcurrentEdits, ModelAdmin[Row]):  # type: ignore[misc]
    """For rows that belong to sites: those of other sites are not there."""

    # Name of the page that makes a row, in place of the raw form.
    add_page = ""
    # A page of a list stays below 100 kB and 150 ms of a processor.
    list_per_page = 25

    @property
    def media(self) -> Media:
        """Leave out the library for keys with letters of other scripts, which no row has."""
        found = super().media
        scripts = [one for one in found._js if "xregexp" not in str(one)]
        return Media(css=found._css, js=scripts)

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().changelist_view(request, *args, **kwargs)
        if isinstance(response, TemplateResponse):
            response.add_post_render_callback(_strip_indents)
        return response

    def get_queryset(self, request: HttpRequest) -> QuerySet[Row]:
        rows = super().get_queryset(request)
        viewed = permissions.permission_name("view", self.model)
        return permissions.rows_where(request.user, viewed, rows)

    def get_object(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Row:
        row: Row | None = super().get_object(request, *args, **kwargs)
        if row is None:
            raise Http404
        return row

    def page_of(self, row: Any) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[row.pk])

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        """Offer in the filters only what the listed rows have: no names of other sites."""
        return [self._of_listed_rows(one) for one in super().get_list_filter(request)]

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Collect what would go with the rows, unless one of them stays anyway.

        Django's own way reads every event before it finds that one is in the way.
        """
        kept = [reason for row in objs for reason in self.reasons_to_keep(row)]
        if kept:
            return [], {}, set(), kept
        return super().get_deleted_objects(objs, request)

    def reasons_to_keep(self, row: Row) -> list[str]:
        """Return why the row cannot be deleted, asked without reading what belongs to it."""
        return []

    def refuse_unless_all(self, request: HttpRequest, verb: str, rows: QuerySet[Row]) -> None:
        """Raise PermissionDenied unless the person may do this to each of the chosen rows."""
        needed = permissions.permission_name(verb, self.model)
        if permissions.rows_where(request.user, needed, rows).count() < rows.count():
            raise PermissionDenied

    def _of_listed_rows(self, one: Any) -> Any:
        if isinstance(one, str) and get_fields_from_path(self.model, one)[-1].is_relation:
            return (one, FewRowsFilter)
        return one


def _strip_indents(response: HttpResponse) -> None:
    """Take the blanks at the beginnings of lines out of a page without preformatted text."""
    response.content = INDENT.sub(b"\n", response.content)


class ServedModelAdmin(SiteRowsAdmin[Row]):
    """For rows that visitors get: every change reaches the serving processes."""

    def save_related(self, *args: Any) -> None:
        super().save_related(*args)
        bump_revision()

    def delete_model(self, request: HttpRequest, obj: Row) -> None:
        super().delete_model(request, obj)
        bump_revision()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Row]) -> None:
        super().delete_queryset(request, queryset)
        bump_revision()


class LockedWhileLiveAdmin(ServedModelAdmin[Row]):
    """For what decides who takes part: it stays as it is while a live experiment uses it."""

    def has_change_permission(self, request: HttpRequest, obj: Row | None = None) -> bool:
        if obj is not None and catalogue.live_experiments_using(obj).exists():
            return False
        return bool(super().has_change_permission(request, obj))

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Row | None = None
    ) -> dict[str, Any]:
        # A read-only form has no field to fill.
        return self.prepopulated_fields if self.has_change_permission(request, obj) else {}
