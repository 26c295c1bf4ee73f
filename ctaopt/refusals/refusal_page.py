"""HTML page of a refusal, in the reader's language and with a way back.

It asks neither the database nor the session, so that it can be shown while they are silent, and
shows nothing of the admin to strangers.
"""

from typing import NamedTuple

from django.conf import settings
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import override
from django.utils.translation.trans_real import (
    get_supported_language_variant,
    parse_accept_lang_header,
)

from experiments.pages.static_files import NotCollectedError


class Refusal(NamedTuple):
    """Heading of the page, and what the reader can do."""

    heading: str | Promise
    advice: str | Promise


REFUSALS = {
    400: Refusal(
        _("This request cannot be used"),
        _("Its address, or what was sent with it, is damaged. Go back and try again."),
    ),
    403: Refusal(
        _("You may not do this"),
        _("The role of your account does not allow it. An owner of the site can give another."),
    ),
    404: Refusal(
        _("There is no such page"),
        _("It was moved or deleted, its address is mistyped, or you have no role on its site."),
    ),
    405: Refusal(
        _("This page cannot be opened by its address"),
        _("It only takes what a button sends. Go back and use the button."),
    ),
    408: Refusal(
        _("What you sent did not arrive in time"),
        _("The connection is slow or was interrupted. Go back and send it again."),
    ),
    413: Refusal(
        _("What you sent is too large"),
        _("Go back and send less: a shorter text, or the file in several parts."),
    ),
    429: Refusal(
        _("Too many attempts"),
        _("Wait a few minutes, then try again."),
    ),
    500: Refusal(
        _("Something went wrong here"),
        _(
            "The fault is not yours. What was saved before is kept. If it happens again, tell "
            "whoever runs this service what you did and when: the log names the cause."
        ),
    ),
    503: Refusal(
        _("The service does not answer at the moment"),
        _("What was saved before is kept. Try again in a moment."),
    ),
    504: Refusal(
        _("This takes too long"),
        _("The service gave up. Try again, if need be with a smaller selection."),
    ),
}
# A refusal that Django answers with 403 for a reason of its own.
EXPIRED = Refusal(
    _("This form has expired"),
    _(
        "You have logged in or out since it was opened, or your browser refuses cookies. Go back, "
        "reload the page and send the form again."
    ),
)
# Where a number has no words of its own: 411 is a 400, 502 a 503.
BY_HUNDRED = {4: 400, 5: 503}


def refusal_page(
    status: int,
    language: str,
    *,
    back: str = "",
    refusal: Refusal | None = None,
) -> str:
    """Return the page of a refusal.

    Args:
        status: Number of the answer, 400 or more.
        language: Code of one of the languages of the settings.
        back: Address of the page that the reader comes from; "" if unknown.
        refusal: Words in place of those of the number.
    """
    words = refusal or REFUSALS.get(status) or REFUSALS[BY_HUNDRED[status // 100]]
    with override(language):
        context = {"status": status, "words": words, "back": back}
        return render_to_string("refusals/page.html", context | _looks())


def refusal_page_for(status: int, accept: str, accept_language: str) -> str:
    """Return the page for a client whose headers alone are known; "" for a program."""
    if "text/html" not in accept:
        return ""
    return refusal_page(status, _preferred(accept_language))


def _preferred(accept_language: str) -> str:
    for code, _quality in parse_accept_lang_header(accept_language.lower()):
        try:
            return get_supported_language_variant(code)
        except LookupError:
            continue
    return str(settings.LANGUAGE_CODE)


def _looks() -> dict[str, str]:
    """Return the addresses of style sheet and icon; nothing where the files are not collected."""
    try:
        return {
            "stylesheet": static("experiments/demo.css"),
            "icon": static("experiments/favicon.svg"),
        }
    except NotCollectedError:
        return {}
