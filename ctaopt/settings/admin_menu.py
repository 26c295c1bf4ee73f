"""The admin's look and its menu, in the order in which a marketer works."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy as _


def _item(title: Any, icon: str, view: str) -> dict[str, Any]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{view}")}


def _but_not(view: str, other: str) -> Callable[[HttpRequest], bool]:
    """Light up an item on its pages, but not on one that has an item of its own."""

    def is_active(request: HttpRequest) -> bool:
        own, its = reverse(f"admin:{view}"), reverse(f"admin:{other}")
        return request.path.startswith(own) and not request.path.startswith(its)

    return is_active


UNFOLD = {
    "SITE_TITLE": "ctaopt",
    "SITE_HEADER": "ctaopt",
    "SITE_SYMBOL": "ads_click",
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda request: static("experiments/favicon.svg"),
        },
    ],
    "SHOW_LANGUAGES": True,
    "DASHBOARD_CALLBACK": "experiments.admin.dashboard.overview",
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": _("Test"),
                "items": [
                    _item(_("Experiments"), "science", "experiments_experiment_changelist"),
                    _item(_("Rank wordings"), "auto_awesome", "experiments_job_rank"),
                ],
            },
            {
                "title": _("Catalogue"),
                "items": [
                    _item(_("CTAs"), "ads_click", "experiments_cta_changelist"),
                    _item(_("Slots"), "dashboard", "experiments_slot_changelist"),
                    _item(_("Audiences"), "groups", "experiments_audience_changelist"),
                    _item(_("Tags"), "sell", "experiments_tag_changelist"),
                    _item(_("Namespaces"), "call_split", "experiments_namespace_changelist"),
                ],
            },
            {
                "title": _("Learning"),
                "items": [
                    {
                        **_item(_("Past wordings"), "history", "experiments_historyarm_changelist"),
                        "active": _but_not(
                            "experiments_historyarm_changelist",
                            "experiments_historyarm_principles",
                        ),
                    },
                    _item(_("Principles"), "psychology", "experiments_historyarm_principles"),
                    _item(_("Predictor"), "model_training", "ml_predictorversion_changelist"),
                    {
                        **_item(_("Jobs"), "hourglass_top", "experiments_job_changelist"),
                        "active": _but_not("experiments_job_changelist", "experiments_job_rank"),
                    },
                ],
            },
            {
                "title": _("Administration"),
                "items": [
                    _item(_("Sites"), "public", "experiments_site_changelist"),
                    _item(_("Server keys"), "key", "experiments_serverkey_changelist"),
                    _item(_("Erase a visitor"), "person_remove", "experiments_visitor_erase"),
                    _item(_("People"), "person", "auth_user_changelist"),
                    _item(_("Groups"), "group", "auth_group_changelist"),
                ],
            },
        ],
    },
}
