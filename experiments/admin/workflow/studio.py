"""The studio: one page for a CTA, with its words first, drawn and checked while they are typed."""

from django.contrib import messages
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from experiments.admin.base import MOST_DIGITS
from experiments.admin.editing.kept_fields import data_of, fields_of_post
from experiments.admin.workflow.studio_form import DEFAULTS, StudioForm, is_language
from experiments.admin.workflow.studio_parts import live_context, use_context
from experiments.models import CTA, TypedCTA
from experiments.selectors import catalogue
from experiments.selectors.permissions import may, sites_where
from experiments.services.catalogue.editing import CannotSaveError, LockedError, lock_reason
from experiments.services.drafting.cta_saving import (
    WORDING,
    ChangedMeanwhileError,
    catch_up,
    fields_of,
    is_same,
    look_fields,
    open_cta_row,
    save_typed_cta,
    undo_save,
)
from experiments.services.drafting.keeping import keep
from experiments.targeting.languages import spelled

ARCHIVE = "experiments_cta_archive"
NEW, EDIT = "experiments_cta_compose", "experiments_cta_studio"
ADD, CHANGE, VIEW = "experiments.add_cta", "experiments.change_cta", "experiments.view_cta"
FOLDER = "admin/experiments/studio"
COLOURS = ("background_color", "text_color")
Fields = dict[str, list[str]]


def studio_urls(admin_site: AdminSite) -> list[URLPattern]:
    def compose(request: HttpRequest) -> HttpResponse:
        if not may(request.user, ADD):
            raise PermissionDenied
        return _Studio(admin_site, request, None).answer()

    def edit(request: HttpRequest, pk: int) -> HttpResponse:
        rows = catalogue.ctas_of(sites=sites_where(request.user, VIEW))
        return _Studio(admin_site, request, get_object_or_404(rows, pk=pk)).answer()

    return [
        path("compose/", admin_site.admin_view(compose), name=NEW),
        path("<int:pk>/studio/", admin_site.admin_view(edit), name=EDIT),
    ]


def studio_url(cta: CTA | None) -> str:
    """Return the page of a CTA, or that of a new one."""
    return reverse(f"admin:{EDIT}", args=[cta.pk]) if cta else reverse(f"admin:{NEW}")


class _Studio:
    """One request to the page; without a CTA a new one is made."""

    def __init__(self, admin_site: AdminSite, request: HttpRequest, cta: CTA | None) -> None:
        self.admin_site = admin_site
        self.request = request
        self.cta = cta
        self.now = timezone.now()
        self.sites = sites_where(request.user, ADD)
        self.lock = lock_reason(cta) if cta else ""
        self.may_change = cta is None or may(request.user, CHANGE, cta)
        self.contested: list[str] = []

    def answer(self) -> HttpResponse:
        if self.request.method == "POST":
            if not self.may_change:
                raise PermissionDenied
            return self._taken(self._typed())
        if self.lock or not self.may_change:
            # Nothing can be typed here: nothing is kept.
            return self._page(None, self._form(fields_of(self.cta) if self.cta else {}))
        typed = open_cta_row(person=self.request.user, cta=self.cta, now=self.now)
        content = self._caught_up(typed)
        tag = self.request.GET.get("language", "")
        if is_language(tag):
            content = {WORDING + tag: [""], **content}
        return self._page(typed, self._form(content), is_new=True)

    def _caught_up(self, typed: TypedCTA) -> Fields:
        """Return what is being typed, over what is stored by now."""
        if self.cta is None:
            return self._begun(dict(typed.content))
        self.contested = catch_up(typed=typed, cta=self.cta, now=self.now)
        return dict(typed.content or typed.opened)

    def _begun(self, content: Fields) -> Fields:
        """Return the fields of a new CTA: its site, and the look of another one or of the brand."""
        like = self._like()
        site = str(like.site_id) if like else self.request.GET.get("site", "")
        known = [str(pk) for pk in self.sites.order_by("name").values_list("pk", flat=True)[:2]]
        if site or not any(content.get("site", ())):
            content["site"] = [site or (known[0] if len(known) == 1 else "")]
        if like is not None:
            return content | look_fields(like)
        chosen = self._form(content).chosen
        if chosen is not None and not any(content.get(name) for name in COLOURS):
            content |= {name: [colour] for name, colour in chosen.brand_look.items()}
        return content

    def _like(self) -> CTA | None:
        number = self.request.GET.get("like", "")
        rows = catalogue.ctas_of(sites=self.sites)
        return rows.filter(pk=number).first() if _is_key(number) else None

    def _typed(self) -> TypedCTA:
        """Return the row that the page was made of, or what the person types now."""
        number = self.request.POST.get("typed", "")
        own = TypedCTA.objects.filter(person=self.request.user.pk, cta=self.cta)
        row = own.select_related("made").filter(pk=number).first() if _is_key(number) else None
        return row or open_cta_row(person=self.request.user, cta=self.cta, now=self.now)

    def _taken(self, typed: TypedCTA) -> HttpResponse:
        """Keep the posted content, then carry out the action of the button."""
        if typed.made is not None:
            # The second click of two: the first has made it.
            return HttpResponseRedirect(studio_url(typed.made))
        action = self.request.POST.get("action", "")
        content = self._acted(fields_of_post(self.request.POST, _NAMES, (WORDING,)), action)
        # The site of which the page was made.
        shown = self.request.POST.get("shown", "")
        has_moved = self.cta is None and content.get("site", [""]) != [shown]
        if has_moved:
            content = self._recoloured(content, shown)
        is_stored = self.cta is not None and is_same(content, typed.opened)
        keep(typed=typed, content={} if is_stored else content, now=self.now)
        if "HX-Request" in self.request.headers:
            return self._live(content, has_moved=has_moved)
        if action == "save":
            return self._saved(typed, content)
        if action == "undo":
            self._undo(typed)
        # A field without a text is not kept: the address has its language.
        tag = spelled(self.request.POST.get("language", "").strip())
        query = urlencode({"language": tag}) if action == "language" and is_language(tag) else ""
        return HttpResponseRedirect(f"{studio_url(self.cta)}?{query}".rstrip("?"))

    def _acted(self, content: Fields, action: str) -> Fields:
        """Return the fields after what a button does to them."""
        verb, _colon, value = action.partition(":")
        if verb in ("discard", "undo"):
            return {}
        if verb == "tick" and value in CTA.Principle.values:
            return content | {"principles": [*content.get("principles", ()), value]}
        if verb == "brand" and (site := self._form(content).chosen):
            return content | {name: [colour] for name, colour in site.brand_look.items()}
        return content

    def _recoloured(self, content: Fields, shown: str) -> Fields:
        """Return the fields in the colours of the new site, unless others were chosen."""
        former = self._form({"site": [shown]}).chosen
        now = self._form({"site": content.get("site", [""])}).chosen
        own = {name: text for name in COLOURS if (text := "".join(content.get(name, ())))}
        if now is None or own not in ({}, former.brand_look if former else {}):
            return content
        return content | {name: [colour] for name, colour in now.brand_look.items()}

    def _live(self, content: Fields, *, has_moved: bool) -> HttpResponse:
        form = self._form(content)
        context = {"form": form, **live_context(form)}
        response = render(self.request, f"{FOLDER}/live.html", context)
        if has_moved:
            # Another site has other languages and colours. The address loses the site or CTA that
            # it began with: it would come before what is chosen now.
            response.headers["HX-Redirect"] = self.request.path
        return response

    def _saved(self, typed: TypedCTA, content: Fields) -> HttpResponse:
        if self.cta is not None:
            self.contested = catch_up(typed=typed, cta=self.cta, now=self.now)
            content = dict(typed.content or typed.opened)
        form = self._form(content)
        if self.contested or not form.is_valid():
            return self._page(typed, form)
        try:
            site = form.chosen
            assert site is not None  # noqa: S101  # A valid form has one.
            cta = save_typed_cta(typed=typed, site=site, choices=form.choices(), now=self.now)
        except CannotSaveError as error:
            form.take_faults(error.errors)
        except LockedError as error:
            form.add_error(None, str(error))
        except ChangedMeanwhileError:
            form.add_error(None, _("Somebody else has saved it at this moment: save again."))
        else:
            messages.success(self.request, _("“%(name)s” is saved.") % {"name": cta.name})
            return HttpResponseRedirect(studio_url(cta))
        return self._page(typed, form)

    def _undo(self, typed: TypedCTA) -> None:
        try:
            is_undone = self.cta is not None and undo_save(typed=typed, now=self.now)
        except LockedError as error:
            messages.error(self.request, str(error))
            return
        except CannotSaveError as error:
            # Rules have changed since, or another CTA has its name by now.
            for text in error.sentences:
                messages.error(self.request, text)
            return
        if is_undone:
            messages.success(self.request, _("It is as it was before you saved."))
        else:
            messages.error(self.request, _("Not undone: it has changed since."))

    def _form(self, content: Fields) -> StudioForm:
        return StudioForm(data_of(content, DEFAULTS), sites=self.sites, cta=self.cta)

    def _page(
        self, typed: TypedCTA | None, form: StudioForm, *, is_new: bool = False
    ) -> HttpResponse:
        cta = self.cta
        raw = reverse("admin:experiments_cta_change", args=[cta.pk]) if cta else ""
        context = {
            **self.admin_site.each_context(self.request),
            "title": cta.name if cta else _("New CTA"),
            "opts": CTA._meta,
            "cta": cta,
            "typed": typed,
            "form": form,
            "lock": self.lock,
            "shows_faults": not is_new,
            "theirs": self._theirs(form),
            "has_typed": bool(typed and typed.content),
            "page_url": studio_url(cta),
            "compose_url": studio_url(None),
            "may_add": may(self.request.user, ADD, cta) if cta else True,
            "archive_url": reverse(f"admin:{ARCHIVE}", args=[cta.pk])
            if cta and self.may_change
            else "",
            "history_url": reverse("admin:experiments_cta_history", args=[cta.pk]) if cta else "",
            "advanced_url": raw or reverse("admin:experiments_cta_add"),
            **live_context(form),
            **use_context(cta),
        }
        return render(self.request, f"{FOLDER}/page.html", context)

    def _theirs(self, form: StudioForm) -> list[tuple[str, str]]:
        """Return the fields that both have changed, with what is stored of them."""
        stored = fields_of(self.cta) if self.cta else {}
        return [(_label(form, name), ", ".join(stored.get(name, ()))) for name in self.contested]


_NAMES = frozenset(StudioForm.base_fields)


def _label(form: StudioForm, name: str) -> str:
    return str(form.fields[name].label) if name in form.fields else name


def _is_key(text: str) -> bool:
    return text.isdecimal() and len(text) < MOST_DIGITS
