"""First steps of a new installation, each ticked by what is really there."""

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import escape
from django.utils.timesince import timesince
from django.utils.translation import gettext as _

from experiments.models import Site, Slot
from experiments.selectors import standings as selectors
from experiments.selectors.permissions import may

NEEDED_CTAS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step: its tick, its text, and the page on which it is done; `code` is to be copied."""

    title: str
    text: str
    is_done: bool
    action: str = ""
    url: str = ""
    code: str = ""


def first_steps(request: HttpRequest, sites: QuerySet[Site]) -> list[Step]:
    """Return the steps of the newest site without a started test; none if every site has one.

    A person without a site is shown the first step, if they may add one.
    """
    site = selectors.site_without_test(sites=sites)
    if site is None:
        if not request.user.has_perm("experiments.add_site") or sites.exists():
            return []
        return [_site_step(None), *_later_steps()]
    if not may(request.user, "experiments.change_slot", site):
        return []
    return [_site_step(site), _snippet_step(request, site), *_steps_on(site)]


def snippet_code(request: HttpRequest, site: Site) -> str:
    """Return the element that puts the snippet into a page."""
    source = request.build_absolute_uri("/cta.js")
    # Not marked as safe: a page shows it as text.
    return f'<script async src="{escape(source)}" data-key="{escape(site.client_key)}"></script>'


def _admin(page: str, *args: object) -> str:
    return reverse(f"admin:experiments_{page}", args=args)


def _site_step(site: Site | None) -> Step:
    if site is None:
        return Step(
            title=_("Add your site"),
            text=_("Its name, its address and its language; its key is generated."),
            is_done=False,
            action=_("Add a site"),
            url=_admin("site_compose"),
        )
    change = _admin("site_settings", site.pk)
    if not site.address:
        text = _("%(name)s has no address yet: previews need it.") % {"name": site.name}
        return Step(
            title=_("Add your site"),
            text=text,
            is_done=False,
            action=_("Add the address"),
            url=change,
        )
    text = _("%(name)s, %(address)s") % {"name": site.name, "address": site.address}
    return Step(title=_("Add your site"), text=text, is_done=True, url=change)


def _snippet_step(request: HttpRequest, site: Site) -> Step:
    title, code = _("Put the snippet into its pages"), snippet_code(request, site)
    sighting = selectors.sighting_of(site)
    if sighting is None:
        text = _("Not seen yet. Here is the code for every page with a slot:")
        return Step(title=title, text=text, is_done=False, code=code)
    values = {"ago": timesince(sighting.seen_at, depth=1), "path": sighting.path}
    text = _("Seen %(ago)s ago on %(path)s") if sighting.path else _("Seen %(ago)s ago")
    return Step(title=title, text=text % values, is_done=True)


def _steps_on(site: Site) -> list[Step]:
    slot = selectors.first_slot_of(site)
    n_ctas = selectors.ctas_with_wording(site)
    return [
        _slot_step(site, slot),
        _wordings_step(site, n_ctas),
        _test_step(site, slot),
    ]


def _slot_step(site: Site, slot: Slot | None) -> Step:
    title = _("Name a slot: the place of the button or link")
    if slot is not None:
        return Step(title=title, text=slot.name, is_done=True, url=_admin("slot_settings", slot.pk))
    text = _("Choose the CTA that visitors see there now, or type its words.")
    url = f"{_admin('slot_compose')}?site={site.pk}"
    return Step(title=title, text=text, is_done=False, action=_("Add a slot"), url=url)


def _wordings_step(site: Site, n_ctas: int) -> Step:
    return Step(
        title=_("Write another wording"),
        text=_("A test compares at least two CTAs. With wording so far: %(n)s.") % {"n": n_ctas},
        is_done=n_ctas >= NEEDED_CTAS,
        action="" if n_ctas >= NEEDED_CTAS else _("New CTA"),
        url=f"{_admin('cta_compose')}?site={site.pk}",
    )


def _test_step(site: Site, slot: Slot | None) -> Step:
    title = _("Start the test")
    draft = selectors.newest_draft_of(site)
    if draft is not None:
        text = _("“%(name)s” is a draft: look at it, then start it.") % {"name": draft.name}
        url = _admin("experiment_report", draft.pk)
        return Step(title=title, text=text, is_done=False, action=_("Open the draft"), url=url)
    text = _("Type the wordings there, or choose them; shares are equal unless you change them.")
    if slot is None:
        return Step(title=title, text=text, is_done=False)
    url = f"{_admin('experiment_new')}?slot={slot.pk}"
    return Step(title=title, text=text, is_done=False, action=_("New experiment"), url=url)


def _later_steps() -> list[Step]:
    """Return the steps that need a site first."""
    titles = (
        _("Put the snippet into its pages"),
        _("Name a slot: the place of the button or link"),
        _("Write another wording"),
        _("Start the test"),
    )
    return [Step(title=title, text="", is_done=False) for title in titles]
