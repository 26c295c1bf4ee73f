"""Many CTAs changed together: chosen in the list, shown before and after, then stored."""

from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from experiments.admin.base import MOST_DIGITS
from experiments.admin.editing.edit_history import author_of
from experiments.admin.editing.form_values import posted_key
from experiments.admin.workflow.studio_form import LONGEST_TAG
from experiments.models import CTA
from experiments.models.site import BRAND_BACKGROUND, BRAND_TEXT
from experiments.models.validators import colour_validator
from experiments.selectors import catalogue
from experiments.selectors.permissions import may, sites_where
from experiments.services.drafting.bulk_editing import (
    BulkEdit,
    PlannedChange,
    apply_bulk_edit,
    plan_bulk_edit,
)
from experiments.services.drafting.bulk_undo import (
    TooLateError,
    recent_bulk_changes,
    undo_bulk_change,
)
from experiments.services.drafting.cta_saving import tag_names

NAME, UNDO = "experiments_cta_together", "experiments_cta_undo"
CHANGE = "experiments.change_cta"
# More are hard to look through before they change.
MOST = 100
LEAVE, BRAND, OWN = "", "brand", "own"
FOLDER = "admin/experiments/together"
FIELDS = {
    "tags": gettext_lazy("Tags"),
    "principles": gettext_lazy("Principles"),
    "size": gettext_lazy("Size"),
    "background_color": gettext_lazy("background colour"),
    "text_color": gettext_lazy("text colour"),
}


def together_urls(admin_site: AdminSite) -> list[URLPattern]:
    def together(request: HttpRequest) -> HttpResponse:
        return _answer(admin_site, request)

    return [path("together/", admin_site.admin_view(together), name=NAME)]


def undo_urls(admin_site: AdminSite) -> list[URLPattern]:
    def undo(request: HttpRequest) -> HttpResponse:
        return _undo(admin_site, request)

    return [path("together/undo/", admin_site.admin_view(undo), name=UNDO)]


def together_url(keys: list[int]) -> str:
    """Return the page that changes these CTAs."""
    query = urlencode({"ids": ",".join(map(str, keys))})
    return f"{reverse(f'admin:{NAME}')}?{query}"


def _ticks(label: Any, choices: Any) -> forms.MultipleChoiceField:
    widget = forms.CheckboxSelectMultiple
    return forms.MultipleChoiceField(label=label, choices=choices, required=False, widget=widget)


def _colour(label: Any, initial: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"type": "color"})
    return forms.CharField(
        label=label,
        initial=initial,
        required=False,
        max_length=7,
        validators=[colour_validator],
        widget=widget,
    )


class TogetherForm(forms.Form):
    """What becomes different; an empty field leaves it as it is."""

    add_tags = forms.CharField(
        label=gettext_lazy("Add tags"),
        required=False,
        help_text=gettext_lazy("With commas between them."),
    )
    remove_tags = _ticks(gettext_lazy("Remove tags"), ())
    add_principles = _ticks(gettext_lazy("Add principles"), CTA.Principle.choices)
    remove_principles = _ticks(gettext_lazy("Remove principles"), CTA.Principle.choices)
    size = forms.ChoiceField(
        label=gettext_lazy("Size"),
        choices=((LEAVE, gettext_lazy("As it is")), *CTA.Size.choices),
        required=False,
    )
    colours = forms.ChoiceField(
        label=gettext_lazy("Colours"),
        choices=(
            (LEAVE, gettext_lazy("As they are")),
            (BRAND, gettext_lazy("The brand colours of the site")),
            (OWN, gettext_lazy("These two")),
        ),
        required=False,
    )
    background_color = _colour(FIELDS["background_color"], BRAND_BACKGROUND)
    text_color = _colour(FIELDS["text_color"], BRAND_TEXT)

    def __init__(self, data: Any, *, ctas: list[CTA]) -> None:
        super().__init__(data)
        field: Any = self.fields["remove_tags"]
        names = sorted({tag.name for cta in ctas for tag in cta.tags.all()})
        field.choices = [(name, name) for name in names]

    def clean_add_tags(self) -> tuple[str, ...]:
        names = tag_names(self.cleaned_data["add_tags"])
        for name in names:
            if len(name) > LONGEST_TAG:
                text = _("The tag “%(name)s” is too long.") % {"name": name[:40]}
                raise forms.ValidationError(text)
        return names

    def edit(self) -> BulkEdit:
        """Return what a valid form asks for."""
        data = self.cleaned_data
        look = {"size": data["size"]} if data["size"] else {}
        if data["colours"] == OWN:
            look |= {name: data[name] for name in ("background_color", "text_color") if data[name]}
        return BulkEdit(
            add_tags=data["add_tags"],
            remove_tags=tuple(data["remove_tags"]),
            add_principles=tuple(data["add_principles"]),
            remove_principles=tuple(data["remove_principles"]),
            look=look,
            takes_brand=data["colours"] == BRAND,
        )


def _answer(admin_site: AdminSite, request: HttpRequest) -> HttpResponse:
    if not may(request.user, CHANGE):
        raise PermissionDenied
    ctas = _chosen(request)
    back = reverse("admin:experiments_cta_changelist")
    if not ctas:
        return HttpResponseRedirect(back)
    form = TogetherForm(request.POST if request.method == "POST" else None, ctas=ctas)
    edit = form.edit() if form.is_valid() else None
    if edit is not None and request.POST.get("action") == "apply":
        changed = apply_bulk_edit(ctas, edit, by=author_of(request))
        _tell(request, n_chosen=len(ctas), n_changed=len(changed))
        return HttpResponseRedirect(back)
    context = {"form": form, "shows_faults": True, **_preview(ctas, edit or BulkEdit())}
    if "HX-Request" in request.headers:
        return render(request, f"{FOLDER}/preview.html", context)
    context |= {
        **admin_site.each_context(request),
        "title": _("Change CTAs together"),
        "opts": CTA._meta,
        "page_url": together_url([cta.pk for cta in ctas]),
        "back_url": back,
    }
    return render(request, f"{FOLDER}/page.html", context)


def _undo(admin_site: AdminSite, request: HttpRequest) -> HttpResponse:
    """Show the changes of the last day that can be undone, and undo the posted one."""
    if not may(request.user, CHANGE):
        raise PermissionDenied
    sites = sites_where(request.user, CHANGE)
    if request.method == "POST":
        number = request.POST.get("change", "")
        _undo_change(request, posted_key(number))
        return HttpResponseRedirect(reverse(f"admin:{UNDO}"))
    context = {
        **admin_site.each_context(request),
        "title": _("Undo a change of several CTAs"),
        "opts": CTA._meta,
        "changes": recent_bulk_changes(sites=sites, now=timezone.now()),
        "undo_url": reverse(f"admin:{UNDO}"),
        "back_url": reverse("admin:experiments_cta_changelist"),
    }
    return render(request, f"{FOLDER}/undo.html", context)


def _undo_change(request: HttpRequest, number: int) -> None:
    sites = sites_where(request.user, CHANGE)
    try:
        done = undo_bulk_change(number, sites=sites, by=author_of(request))
    except TooLateError:
        messages.error(request, _("It cannot be undone any more."))
        return
    if done.restored:
        names = ", ".join(done.restored)
        messages.success(request, _("As before: %(names)s.") % {"names": names})
    for name, reason in done.kept:
        messages.error(request, _("“%(name)s” stays: %(why)s") % {"name": name, "why": reason})


def _chosen(request: HttpRequest) -> list[CTA]:
    """Return the CTAs that the address names, as far as the person may change them."""
    texts = request.GET.get("ids", "").split(",")[:MOST]
    keys = [int(text) for text in texts if text.isdecimal() and len(text) < MOST_DIGITS]
    rows = catalogue.ctas_of(sites=sites_where(request.user, CHANGE))
    return list(rows.filter(pk__in=keys).order_by("-pk"))


def _preview(ctas: list[CTA], edit: BulkEdit) -> dict[str, Any]:
    planned = plan_bulk_edit(ctas, edit)
    return {
        "rows": [(one, _lines(one)) for one in planned],
        "n_changing": sum(one.will_change for one in planned),
    }


def _lines(one: PlannedChange) -> list[tuple[Any, str, str]]:
    return [(FIELDS[change.name], change.before, change.after) for change in one.changes]


def _tell(request: HttpRequest, *, n_chosen: int, n_changed: int) -> None:
    text = ngettext("%(n)s CTA changed.", "%(n)s CTAs changed.", n_changed) % {"n": n_changed}
    link = reverse(f"admin:{UNDO}")
    undo = format_html('{} <a class="cta-link" href="{}">{}</a>', text, link, _("Undo this change"))
    messages.success(request, undo if n_changed else text)
    if n_changed < n_chosen:
        left = n_chosen - n_changed
        said = ngettext("%(n)s CTA is as it was.", "%(n)s CTAs are as they were.", left)
        messages.info(request, said % {"n": left})
