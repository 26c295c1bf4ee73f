"""Page of a site: its address and languages, its colours, and folded what few change."""

from typing import Any, ClassVar

from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.forms import SiteForm
from experiments.admin.offers.holdout import holdout_url
from experiments.admin.task_pages.fields import KeyFromName
from experiments.admin.task_pages.page import (
    SHOWN_USES,
    Question,
    Task,
    Use,
    Uses,
    compose_url,
    settings_url,
)
from experiments.models import Experiment, Site, Slot
from experiments.selectors.permissions import may


class SitePageForm(KeyFromName, SiteForm):
    """A site in the order in which people know it; its keys are on a page of their own."""

    class Meta(SiteForm.Meta):
        labels: ClassVar = {
            "name": _("Name of the site"),
            "address": _("Address of its pages"),
            "default_locale": _("Language of its pages"),
        }
        help_texts: ClassVar = {
            "address": _("Such as https://shop.example. Previews and checks open it."),
            "default_locale": _("A language tag, such as en, fr or pt-BR."),
        }


def _uses(request: HttpRequest, site: Site) -> list[Uses]:
    slots = list(site.slots.order_by("name")[: SHOWN_USES + 1])
    rows = [Use(text=str(one), url=settings_url(one)) for one in slots[:SHOWN_USES]]
    if may(request.user, "experiments.add_slot", site):
        url = f"{compose_url(Slot)}?site={site.pk}"
        rows.append(Use(text=gettext("Add a slot"), url=url))
    slot_list = reverse("admin:experiments_slot_changelist")
    more = f"{slot_list}?site__id__exact={site.pk}" if len(slots) > SHOWN_USES else ""
    return [
        Uses(title=gettext("Its slots"), rows=rows, more=more),
        Uses(title=gettext("Its pages"), rows=_pages(request, site)),
    ]


def _pages(request: HttpRequest, site: Site) -> list[Use]:
    pages = []
    if may(request.user, "experiments.view_serverkey", site):
        url = reverse("admin:experiments_site_access", args=[site.pk])
        pages.append(Use(text=gettext("Keys and access"), url=url))
    tests = Experiment.objects.filter(slot__site=site).count()
    url = f"{reverse('admin:experiments_experiment_changelist')}?slot__site__id__exact={site.pk}"
    pages.append(Use(text=gettext("Experiments"), url=url, note=str(tests)))
    pages.append(Use(text=gettext("Holdout"), url=holdout_url(site)))
    return pages


def _initial(request: HttpRequest) -> dict[str, Any]:
    """Begin with the language of the person who adds the site."""
    return {"default_locale": get_language() or "en"}


SITE = Task(
    form=SitePageForm,
    new_title=_("New site"),
    intro=_("A site is a web property with its own keys, people and tests."),
    questions=(
        Question(
            title=_("Which site is it?"),
            fields=("name", "address", "default_locale"),
        ),
        Question(
            title=_("Which colours do its buttons have?"),
            fields=("brand_background_color", "brand_text_color"),
            note=_("Each CTA can have others."),
        ),
        Question(
            title=_("What goes into its pages?"),
            fields=("client_key_to_copy",),
            note=_("The key is public: it stands in the page's source."),
            is_of_stored=True,
        ),
        Question(
            title=_("When is a result sure enough, and who agrees?"),
            fields=("minimum_visitors", "minimum_conversions", "minimum_days", "needs_approval"),
            is_folded=True,
        ),
        Question(
            title=_("Which time zone, and whose visits do not count?"),
            fields=("time_zone", "internal_networks", "internal_visitors"),
            is_folded=True,
        ),
        Question(
            title=_("Who may send data?"),
            fields=(
                "allowed_origins",
                "needs_receipts",
                "values_need_server",
                "former_id_attribute",
            ),
            is_folded=True,
        ),
        Question(
            title=_("Who stays out of all tests?"),
            fields=("holdout", "holdout_seed"),
            term="holdout",
            explains=_("What is a holdout?"),
            is_folded=True,
        ),
        Question(title=_("Details"), fields=("key", "teaches_others"), is_folded=True),
    ),
    uses=_uses,
    initial=_initial,
)
