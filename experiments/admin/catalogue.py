"""Pages of the catalogue: sites and keys, CTAs, audiences, slots."""

from dataclasses import replace
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import Script
from django.http import HttpRequest, HttpResponseRedirect
from django.template.loader import render_to_string
from django.urls import URLPattern, reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.admin import TabularInline
from unfold.views import ChangeList

from experiments.admin.access.site_access import access_lines, access_urls
from experiments.admin.base import (
    LockedWhileLiveAdmin,
    OfSites,
    ServedModelAdmin,
    SiteRowsAdmin,
    link_to,
)
from experiments.admin.cta_archive import ArchivedRows, ArchiveFilter, archive_urls
from experiments.admin.cta_preview import draw, draw_findings
from experiments.admin.editing.edit_history import MOST_LINES, author_of
from experiments.admin.editing.percent_fields import read_in_percent
from experiments.admin.editing.row_checks import WordingForm
from experiments.admin.erasure import erasure_urls
from experiments.admin.experiment_pages import url_of
from experiments.admin.forms import CTAForm, SiteForm
from experiments.admin.monitoring.system import system_urls
from experiments.admin.notices.pages import notice_urls
from experiments.admin.offers.aa_test import aa_url
from experiments.admin.offers.holdout import holdout_url, holdout_urls
from experiments.admin.task_pages.page import WithTaskPage
from experiments.admin.task_pages.sites import SITE
from experiments.admin.task_pages.slots import SLOT
from experiments.admin.workflow.studio import NEW as NEW_CTA
from experiments.admin.workflow.studio import studio_url, studio_urls
from experiments.admin.workflow.together import MOST as MOST_TOGETHER
from experiments.admin.workflow.together import together_url, together_urls, undo_urls
from experiments.formatting import percent, quoted
from experiments.models import CTA, CTAWording, Experiment, Namespace, Site, Slot, Tag
from experiments.selectors import catalogue
from experiments.selectors.permissions import sites_where
from experiments.services.catalogue.cta_checks import check_wordings
from experiments.services.catalogue.cta_copies import copy_cta
from experiments.services.edits.edit_log import Way, log_edit
from experiments.services.edits.object_history import Line
from experiments.services.importing.import_history import import_lines
from experiments.services.lifecycle.rivals import in_serving_order

# After the page is there: the theme puts scripts into its head.
PAGE_ACTIONS = Script("experiments/page_actions.js", defer=True)


MEASURED_FROM_THE_START = _(
    "Without data-consent every visitor is measured from the first view. Where consent is needed "
    'first, add data-consent="off" to the script, and call ctaopt.consent(true) once it is given.'
)


def copyable(element: str, text: str) -> str:
    """Return a text with a button that copies it; `element` is its id on the page."""
    return render_to_string("admin/experiments/copyable.html", {"id": element, "text": text})


@admin.register(Site)
class SiteAdmin(WithTaskPage, ServedModelAdmin[Site]):
    form = SiteForm
    task = SITE
    readonly_preprocess_fields: ClassVar = {"holdout": read_in_percent}
    list_display = ("name", "key", "keys_link", "default_locale", "holdout_link")
    search_fields = ("name", "key")
    readonly_fields = ("client_key_to_copy",)
    prepopulated_fields: ClassVar = {"key": ("name",)}

    class Media:
        js = (PAGE_ACTIONS,)

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Site | None = None
    ) -> dict[str, Any]:
        # Of a new site only: the key is part of addresses and files.
        return self.prepopulated_fields if obj is None else {}

    def further_lines(self, request: HttpRequest, row: Site) -> list[Line]:
        return [*import_lines(row, most=MOST_LINES), *access_lines(request, row)]

    def reasons_to_keep(self, row: Site) -> list[str]:
        if catalogue.is_in_use(row):
            return [gettext("%(site)s has experiments or events.") % {"site": row}]
        return []

    def get_urls(self) -> list[URLPattern]:
        pages = (holdout_urls, erasure_urls, access_urls, system_urls, notice_urls)
        further = [each for urls in pages for each in urls(self.admin_site)]
        return [*further, *super().get_urls()]

    @admin.display(description=_("client key"))
    def client_key_to_copy(self, site: Site) -> str:
        """Show the key with a button; it is generated, and replaced on the page of the keys."""
        if site._state.adding:
            return gettext("It is generated when you save.")
        return copyable("client-key", site.client_key)

    @admin.display(description=_("client key"))
    def keys_link(self, site: Site) -> SafeString:
        url = reverse("admin:experiments_site_access", args=[site.pk])
        return format_html('<a href="{}">{}</a>', url, site.client_key)

    @admin.display(description=_("holdout"))
    def holdout_link(self, site: Site) -> SafeString | str:
        text = percent(float(site.holdout), 1)
        return format_html('<a href="{}">{}</a>', holdout_url(site), text)


@admin.register(Tag)
class TagAdmin(SiteRowsAdmin[Tag]):
    list_display = ("name", "site")
    search_fields = ("name",)


class WordingInline(OfSites, TabularInline):  # type: ignore[misc]
    model = CTAWording
    form = WordingForm
    extra = 1
    min_num = 1
    validate_min = True


class PrincipleFilter(admin.SimpleListFilter):
    title = _("principle")
    parameter_name = "principle"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in CTA.Principle.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[CTA]) -> QuerySet[CTA]:
        # The list is kept as JSON text: its quotes make the word exact.
        return (
            queryset.filter(principles__icontains=f'"{self.value()}"') if self.value() else queryset
        )


class StudioList(ChangeList):  # type: ignore[misc]
    """The list of CTAs, each of which opens in the studio."""

    def url_for_result(self, result: CTA) -> str:
        return studio_url(result)


@admin.register(CTA)
class CTAAdmin(ArchivedRows, ServedModelAdmin[CTA]):
    form = CTAForm
    add_page = f"admin:{NEW_CTA}"
    inlines = (WordingInline,)
    list_display = ("name", "drawn", "form", "site", "tag_names")
    list_filter = (ArchiveFilter, "site", "form", PrincipleFilter, "tags")
    list_before_template = "admin/experiments/cta_links.html"
    search_fields = ("name", "wordings__text", "destination")
    # The newest on top, copies among them.
    ordering = ("-pk",)
    actions = ("duplicate", "edit_together", "archive", "restore")
    autocomplete_fields = ("tags",)
    readonly_fields = ("drawn", "checks")
    fieldsets = (
        (None, {"fields": ("site", "name", "form", "destination")}),
        (
            _("Look"),
            {"fields": ("drawn", ("background_color", "text_color"), ("size", "icon"))},
        ),
        (_("Checks"), {"fields": ("checks",)}),
        (_("For analysis"), {"fields": ("principles", "tags")}),
    )

    class Media:
        js = ("experiments/cta_preview.js",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[CTA]:
        rows: QuerySet[CTA] = super().get_queryset(request)
        return rows.select_related("site").prefetch_related("wordings", "tags")

    def get_urls(self) -> list[URLPattern]:
        pages = (studio_urls, together_urls, undo_urls, archive_urls)
        own = [each for urls in pages for each in urls(self.admin_site)]
        return [*own, *super().get_urls()]

    def page_of(self, row: CTA) -> str:
        return studio_url(row)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Let the list lead to the studio; the raw form is behind it."""
        return StudioList

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """Begin with the colours of the site, where there is one only."""
        given: dict[str, Any] = super().get_changeform_initial_data(request)
        sites = list(sites_where(request.user, "experiments.add_cta")[:2])
        return {**(sites[0].brand_look if len(sites) == 1 else {}), **given}

    @admin.action(description=_("Duplicate: same look, other words"), permissions=["add"])
    def duplicate(self, request: HttpRequest, queryset: QuerySet[CTA]) -> None:
        self.refuse_unless_all(request, "add", queryset)
        # In the order of the list, so that the copies stand in it, too.
        for cta in queryset.order_by("pk"):
            copy = copy_cta(cta)
            by = replace(author_of(request), way=Way.COPY, note=cta.name)
            log_edit(copy, before=[], by=by)
            text = gettext("“%(name)s” created: give it other words.") % {"name": copy.name}
            self.message_user(request, link_to(copy, text))

    @admin.action(description=_("Change together: tags, principles, look"), permissions=["change"])
    def edit_together(
        self, request: HttpRequest, queryset: QuerySet[CTA]
    ) -> HttpResponseRedirect | None:
        self.refuse_unless_all(request, "change", queryset)
        keys = list(queryset.values_list("pk", flat=True)[: MOST_TOGETHER + 1])
        if len(keys) > MOST_TOGETHER:
            text = gettext("At most %(most)s CTAs together.") % {"most": MOST_TOGETHER}
            self.message_user(request, text, messages.ERROR)
            return None
        return HttpResponseRedirect(together_url(keys))

    @admin.display(description=_("as it looks"))
    def drawn(self, cta: CTA) -> SafeString:
        rows = [] if cta._state.adding else cta.wordings.all()
        drawings = format_html_join(" ", "{}", ((draw(cta, row.text),) for row in rows))
        # cta_preview.js redraws what is inside while the form is being edited.
        text = drawings or gettext("Type a wording below to see it drawn.")
        return format_html("<span data-cta-drawing>{}</span>", text)

    @admin.display(description=_("what was checked"))
    def checks(self, cta: CTA) -> SafeString | str:
        if cta._state.adding or not cta.wordings.all():
            return gettext("Save the CTA to check its words, contrast and size.")
        texts = {row.locale: row.text for row in cta.wordings.all()}
        checks = [(one, draw_findings(one.findings)) for one in check_wordings(cta, texts)]
        return render_to_string("admin/experiments/cta_checks.html", {"checks": checks})

    @admin.display(description=_("tags"))
    def tag_names(self, cta: CTA) -> str:
        return ", ".join(tag.name for tag in cta.tags.all())

    def has_change_permission(self, request: HttpRequest, obj: CTA | None = None) -> bool:
        """A CTA may not change under the visitors of a live experiment."""
        if obj is not None and catalogue.experiments_showing(obj).exists():
            return False
        return bool(super().has_change_permission(request, obj))

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> Any:
        cta = self.get_object(request, object_id)
        live = list(catalogue.experiments_showing(cta)) if cta else []
        if live and request.method == "GET":
            self.message_user(request, _locked(live), messages.INFO)
        return super().change_view(request, object_id, *args, **kwargs)


def _locked(live: list[Experiment]) -> SafeString:
    """Return why a CTA cannot be changed, with the tests that show it and the way on."""
    links = format_html_join(
        ", ",
        '<a href="{}">{}</a>',
        ((url_of("report", one), one.name) for one in live),
    )
    text = ngettext(
        "Locked: shown in the test %(tests)s. Copy it to change it.",
        "Locked: shown in the tests %(tests)s. Copy it to change it.",
        len(live),
    )
    return format_html(text.replace("%(tests)s", "{}"), links)


@admin.register(Slot)
class SlotAdmin(WithTaskPage, ServedModelAdmin[Slot]):
    task = SLOT
    list_display = ("name", "key", "site", "position", "drawn")
    list_filter = ("site", "position")
    search_fields = ("name", "key")
    autocomplete_fields = ("default_cta",)
    prepopulated_fields: ClassVar = {"key": ("name",)}
    readonly_fields = ("embed_code", "live_tests", "check_of_set_up")

    class Media:
        js = (PAGE_ACTIONS,)

    def get_readonly_fields(self, request: HttpRequest, obj: Slot | None = None) -> tuple[str, ...]:
        """The page names the slot by its key: it stays once experiments are there."""
        used = obj is not None and obj.experiments.exists()
        return (*self.readonly_fields, "site", "key") if used else self.readonly_fields

    def get_prepopulated_fields(
        self, request: HttpRequest, obj: Slot | None = None
    ) -> dict[str, Any]:
        read_only = "key" in self.get_readonly_fields(request, obj)
        return {} if read_only else self.prepopulated_fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Slot]:
        rows: QuerySet[Slot] = super().get_queryset(request)
        return rows.select_related("site", "default_cta").prefetch_related("default_cta__wordings")

    def save_model(self, request: HttpRequest, obj: Slot, form: Any, change: bool) -> None:  # noqa: FBT001
        """Say which live tests go on comparing with the former default."""
        super().save_model(request, obj, form, change)
        has_other_default = {"default_cta", "new_words"} & set(form.changed_data)
        live = catalogue.live_on_slot(obj) if change and has_other_default else ()
        names = quoted(one.name for one in live)
        if names:
            text = gettext(
                "Live on this slot: %(names)s. Its control goes on showing its own CTA; visitors"
                " outside the test get the new default at once."
            )
            self.message_user(request, text % {"names": names}, messages.WARNING)

    @admin.display(description=_("default CTA"))
    def drawn(self, slot: Slot) -> SafeString | str:
        wording = slot.default_cta.wordings.first()
        return draw(slot.default_cta, wording.text) if wording else "-"

    @admin.display(description=_("live tests, in the order in which visitors meet them"))
    def live_tests(self, slot: Slot) -> SafeString | str:
        live = [] if slot._state.adding else in_serving_order(list(catalogue.live_on_slot(slot)))
        rows = [(url_of("report", one), one.name, one.audience) for one in live]
        everybody = gettext("every visitor")
        lines = ((url, name, who or everybody) for url, name, who in rows)
        return format_html_join(
            "", '<p><a class="cta-link" href="{}">{}</a> · {}</p>', lines
        ) or gettext("None.")

    @admin.display(description=_("check of the set-up"))
    def check_of_set_up(self, slot: Slot) -> SafeString | str:
        if slot._state.adding:
            return "-"
        text = gettext("Check your set-up with an A/A test")
        return format_html('<a class="cta-link" href="{}">{}</a>', aa_url(slot), text)

    @admin.display(description=_("code for the page"))
    def embed_code(self, slot: Slot) -> str:
        if slot._state.adding:
            return gettext("Save it to get the code for the page.")
        href = slot.default_cta.destination or "…"
        code = (
            f'<a data-cta-slot="{slot.key}" href="{href}">…</a> '
            f'<script async src="…/cta.js" data-key="{slot.site.client_key}"></script>'
        )
        return format_html("{}<p>{}</p>", copyable("embed-code", code), MEASURED_FROM_THE_START)


@admin.register(Namespace)
class NamespaceAdmin(LockedWhileLiveAdmin[Namespace]):
    list_display = ("key", "site", "seed", "unit")
    list_filter = ("site",)
