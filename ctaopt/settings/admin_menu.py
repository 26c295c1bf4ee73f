"""The admin's look and its menu, in the order in which a marketer works."""

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.functional import lazy
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


def _item(title: Any, icon: str, view: str, permission: str) -> dict[str, Any]:
    """Return an item of the menu; only those who may open its page see it."""
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{view}"),
        "permission": lambda request: request.user.has_perm(permission),
    }


def _help_page() -> str:
    """Return the first page of the documentation in the language at hand."""
    name = "accueil/" if (get_language() or "").startswith("fr") else ""
    return f"{reverse('documentation')}{name}"


def _but_not(view: str, other: str) -> Callable[[HttpRequest], bool]:
    """Light up an item on its pages, but not on one that has an item of its own."""

    def is_active(request: HttpRequest) -> bool:
        own, its = reverse(f"admin:{view}"), reverse(f"admin:{other}")
        return request.path.startswith(own) and not request.path.startswith(its)

    return is_active


# The one primary colour, of the theme's parts and of our pages, by lightness.
INDIGO = {
    "50": "#eef2ff",
    "100": "#e0e7ff",
    "200": "#c7d2fe",
    "300": "#a5b4fc",
    "400": "#818cf8",
    "500": "#8b93f9",
    "600": "#4338ca",
    "700": "#3730a3",
    "800": "#312e81",
    "900": "#292663",
    "950": "#1e1b4b",
}

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
    "COLORS": {"primary": INDIGO},
    "ACCOUNT": {"navigation": "accounts.admin_shell.account_links"},
    "DASHBOARD_CALLBACK": "experiments.admin.workflow.home.overview",
    "SIDEBAR": {
        "show_search": False,
        "navigation": [
            {
                "title": _("Test"),
                "items": [
                    {
                        **_item(
                            _("Experiments"),
                            "science",
                            "experiments_experiment_changelist",
                            "experiments.view_experiment",
                        ),
                        "active": _but_not(
                            "experiments_experiment_changelist",
                            "experiments_experiment_calendar",
                        ),
                    },
                    _item(
                        _("Calendar"),
                        "event",
                        "experiments_experiment_calendar",
                        "experiments.view_experiment",
                    ),
                    {
                        **_item(
                            _("Notices"),
                            "notifications",
                            "experiments_notices",
                            "experiments.view_notice",
                        ),
                        "badge": "unread_notices",
                    },
                    _item(
                        _("Rank wordings"),
                        "auto_awesome",
                        "experiments_job_rank",
                        "experiments.add_job",
                    ),
                ],
            },
            {
                "title": _("Catalogue"),
                "items": [
                    _item(
                        _("CTAs"), "ads_click", "experiments_cta_changelist", "experiments.view_cta"
                    ),
                    _item(
                        _("Slots"),
                        "dashboard",
                        "experiments_slot_changelist",
                        "experiments.view_slot",
                    ),
                    _item(
                        _("Audiences"),
                        "groups",
                        "experiments_audience_changelist",
                        "experiments.view_audience",
                    ),
                    _item(
                        _("Templates"),
                        "stack",
                        "experiments_experimenttemplate_changelist",
                        "experiments.view_experimenttemplate",
                    ),
                    _item(_("Tags"), "sell", "experiments_tag_changelist", "experiments.view_tag"),
                    _item(
                        _("Namespaces"),
                        "call_split",
                        "experiments_namespace_changelist",
                        "experiments.view_namespace",
                    ),
                ],
            },
            {
                "title": _("Learning"),
                "items": [
                    _item(
                        _("Past tests"),
                        "manage_search",
                        "experiments_pasttest_changelist",
                        "experiments.view_pasttest",
                    ),
                    _item(
                        _("Learnings"),
                        "insights",
                        "experiments_learning_shown",
                        "experiments.view_learning",
                    ),
                    {
                        **_item(
                            _("Past wordings"),
                            "history",
                            "experiments_historyarm_changelist",
                            "experiments.view_historyarm",
                        ),
                        "active": _but_not(
                            "experiments_historyarm_changelist",
                            "experiments_historyarm_principles",
                        ),
                    },
                    _item(
                        _("Imports"),
                        "upload_file",
                        "experiments_upload_changelist",
                        "experiments.view_upload",
                    ),
                    _item(
                        _("Principles"),
                        "psychology",
                        "experiments_historyarm_principles",
                        "experiments.view_historyarm",
                    ),
                    {
                        **_item(
                            _("Predictor"),
                            "model_training",
                            "ml_predictorversion_changelist",
                            "ml.view_predictorversion",
                        ),
                        "active": _but_not("ml_predictorversion_changelist", "ml_encoders"),
                    },
                    _item(_("Encoders"), "translate", "ml_encoders", "ml.view_predictorversion"),
                    {
                        **_item(
                            _("Jobs"),
                            "hourglass_top",
                            "experiments_job_changelist",
                            "experiments.view_job",
                        ),
                        "active": _but_not("experiments_job_changelist", "experiments_job_rank"),
                    },
                ],
            },
            {
                "title": _("Administration"),
                "items": [
                    _item(
                        _("Sites"), "public", "experiments_site_changelist", "experiments.view_site"
                    ),
                    _item(
                        _("Server keys"),
                        "key",
                        "experiments_serverkey_changelist",
                        "experiments.view_serverkey",
                    ),
                    _item(
                        _("Erase a visitor"),
                        "person_remove",
                        "experiments_visitor_erase",
                        "experiments.change_event",
                    ),
                    _item(
                        _("System"),
                        "monitor_heart",
                        "experiments_system",
                        "experiments.view_system",
                    ),
                    _item(
                        _("Webhooks"),
                        "webhook",
                        "experiments_webhook_changelist",
                        "experiments.view_webhook",
                    ),
                    _item(_("People"), "person", "auth_user_changelist", "auth.view_user"),
                    _item(
                        _("Log-ins"),
                        "login",
                        "accounts_loginrecord_changelist",
                        "accounts.view_loginrecord",
                    ),
                    _item(
                        _("Roles"),
                        "group",
                        "experiments_membership_changelist",
                        "experiments.view_membership",
                    ),
                    {"title": _("Help"), "icon": "help", "link": lazy(_help_page, str)()},
                ],
            },
        ],
    },
}
