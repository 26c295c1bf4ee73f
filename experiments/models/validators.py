"""Validators and defaults of the catalogue's fields, and the patterns its constraints repeat.

Migrations import these by name: never rename one.
"""

import re
import secrets
from ipaddress import ip_network
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import known_time_zone
from experiments.legibility import LEAST_CONTRAST, contrast_ratio
from experiments.targeting.rows import written
from experiments.targeting.validation import validate_condition
from experiments.targeting.vocabulary import CLOSED, NeverMatchedError, check_values

COLOUR_PATTERN = r"^#[0-9a-fA-F]{6}$"
LOCALE_PATTERN = r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$"
# What a visitor may be sent to: never a script. Browsers take `//host` and `/\host` for a host.
DESTINATION_PATTERN = r"^(https?://|mailto:|tel:|sms:|[#?]|/(?![/\\]))[^\s]*$"
ORIGIN_PATTERN = re.compile(
    r"https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?"
)

colour_validator = RegexValidator(COLOUR_PATTERN, _("Write a colour as #rrggbb."))
locale_validator = RegexValidator(LOCALE_PATTERN, _("Write a language tag such as fr or fr-CA."))
destination_validator = RegexValidator(
    DESTINATION_PATTERN,
    _("Write an address (https://..., mailto:..., tel:...) or a path (/...), without spaces."),
)
address_validator = RegexValidator(
    r"^https?://[^\s/\\?#@]+(/[^\s\\?#]*)?$",
    _("Write an address with its beginning, such as https://shop.example."),
)


def refuse_low_contrast(background: str, text: str, *, field: str) -> None:
    """Refuse two colours that many cannot tell apart; the fault stands at `field`."""
    try:
        contrast = contrast_ratio(background, text)
    except ValueError:
        return  # The fields' own validators have said so.
    if contrast < LEAST_CONTRAST:
        message = _(
            "Hard to read: the contrast of the two colours is %(contrast)s to 1 and must be"
            " at least 4.5 (WCAG, level AA). Take a darker and a lighter one."
        )
        # Never rounded up to what is enough.
        shown = number_format(int(contrast * 10) / 10, decimal_pos=1)
        raise ValidationError({field: ValidationError(message, params={"contrast": shown})})


def condition_validator(condition: Any) -> None:
    """Refuse an invalid condition, or one that asks for a value no visitor has."""
    try:
        validate_condition(condition)
        check_values(condition)
    except NeverMatchedError as error:
        raise ValidationError(_never_matched(error)) from error
    except ValueError as error:
        raise ValidationError(str(error)) from error


def _never_matched(error: NeverMatchedError) -> str:
    values = {"attribute": error.attribute, "value": error.value, "meant": written(error.meant)}
    if error.meant is not None:
        said = gettext("%(attribute)s: “%(value)s” never occurs. Write %(meant)s.")
    else:
        said = gettext("%(attribute)s: “%(value)s” never occurs.")
    if error.attribute in CLOSED:
        values["known"] = ", ".join(written(one) for one in CLOSED[error.attribute])
        said += " " + gettext("Its values are: %(known)s.")
    return said % values


def origins_validator(origins: Any) -> None:
    """Refuse what a browser would never send as its Origin: it would lock every page out."""
    if not isinstance(origins, list):
        raise ValidationError(_("Origins must be a list."))
    for origin in origins:
        if not isinstance(origin, str) or not ORIGIN_PATTERN.fullmatch(origin):
            raise ValidationError(
                _("%(origin)s is not an origin: write https://shop.example, nothing after it."),
                params={"origin": origin},
            )


def networks_validator(networks: Any) -> None:
    """Refuse anything but a range of addresses."""
    if not isinstance(networks, list):
        raise ValidationError(_("Networks must be a list."))
    for network in networks:
        try:
            ip_network(str(network))
        except ValueError as error:
            raise ValidationError(
                _("%(network)s is not a range of addresses: write 192.0.2.0/24 or 2001:db8::/32."),
                params={"network": network},
            ) from error


def prefixes_validator(prefixes: Any) -> None:
    """Refuse an empty beginning: every visitor has it."""
    if not isinstance(prefixes, list) or not all(isinstance(one, str) and one for one in prefixes):
        raise ValidationError(_("Beginnings of visitors must be a list of texts."))


def time_zone_validator(name: str) -> None:
    """Refuse names outside the IANA database. Migrations name it; never rename."""
    known_time_zone(name)


def default_time_zone() -> str:
    return settings.TIME_ZONE


def empty_list() -> list[str]:
    return []


def new_client_key() -> str:
    """Return a publishable key that nobody has: its first letters set it apart from a secret."""
    return f"ctaopt_client_{secrets.token_urlsafe(16)}"
