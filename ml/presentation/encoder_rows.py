"""Rows of the page of encoders: what each reads, takes and serves, in words."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.formats import number_format
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ml.encoders.catalogue import KnownEncoder
from ml.encoders.installed import InstalledEncoder

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

# Languages of the wordings of most installations; the others go by their tags.
NAMES: dict[str, "StrOrPromise"] = {"en": _("English"), "fr": _("French")}
# More languages than these are counted.
NAMED = 4
# Why one would install it, or not.
REMARKS: dict[str, "StrOrPromise"] = {
    "minilm": _("Comes with the product: small and quick."),
    "mpnet": _("Better at English; scoring takes about eight times the work of the packaged one."),
    "e5-multilingual": _(
        "For French, or several languages: what English tests taught carries over."
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderRow:
    """One encoder on the page, in words.

    Args:
        key: Name in commands.
        title: Name of the model.
        remark: Reason to have it; may be empty.
        licence: SPDX identifier or the wording of its card; empty if unknown.
        languages: Languages that it reads.
        size: Megabytes on the disk.
        fetched: Megabytes to fetch; empty once it is installed.
        use: Predictors that need it.
        is_active: True if the predictor in use needs it.
        command: Command that installs or removes it; empty if it comes with the product.
    """

    key: str
    title: str
    remark: str
    licence: str
    languages: str
    size: str
    fetched: str = ""
    use: str = ""
    is_active: bool = False
    command: str = ""


def encoder_row(
    about: InstalledEncoder, *, is_packaged: bool, predictors: Sequence[int], is_active: bool
) -> EncoderRow:
    """Return the row of an encoder of this machine.

    Args:
        about: The encoder.
        is_packaged: True if it comes with the product.
        predictors: Numbers of the predictors that need it.
        is_active: True if the predictor in use does.
    """
    return EncoderRow(
        key=about.key,
        title=about.title,
        remark=str(REMARKS.get(about.key, "")),
        licence=about.licence,
        languages=languages_in_words(about.languages),
        size=megabytes(about.size),
        use=_use(predictors),
        is_active=is_active,
        command="" if is_packaged else f"python manage.py remove_encoder {about.key}",
    )


def absent_row(known: KnownEncoder) -> EncoderRow:
    """Return the row of an encoder of the catalogue that is not installed.

    Args:
        known: The encoder.

    >>> from ml.encoders.catalogue import KNOWN
    >>> absent_row(KNOWN["mpnet"]).command
    'python manage.py install_encoder mpnet'
    """
    return EncoderRow(
        key=known.key,
        title=known.title,
        remark=str(REMARKS.get(known.key, "")),
        licence=known.licence,
        languages=languages_in_words(known.languages),
        size=megabytes(known.size),
        fetched=megabytes(known.download_size),
        command=f"python manage.py install_encoder {known.key}",
    )


def languages_in_words(tags: Sequence[str]) -> str:
    """Return the languages that an encoder reads, English and French by name.

    Args:
        tags: Language tags; empty if unknown.

    >>> languages_in_words(["en"]), languages_in_words(["en", "de"]), languages_in_words([])
    ('English', 'English, de', 'not stated')
    """
    if not tags:
        return gettext("not stated")
    first = [str(NAMES[tag]) for tag in NAMES if tag in tags]
    others = [tag for tag in tags if tag not in NAMES]
    if len(tags) <= NAMED:
        return ", ".join([*first, *others])
    if not first:
        return ngettext("%(n)s language", "%(n)s languages", len(tags)) % {"n": len(tags)}
    more = ngettext("%(n)s more", "%(n)s more", len(others)) % {"n": len(others)}
    return ", ".join([*first, more])


def megabytes(size: int) -> str:
    """Return a size in megabytes, as the current language writes it.

    Args:
        size: Bytes, >= 0.

    >>> megabytes(438_700_000)
    '439\N{NO-BREAK SPACE}MB'
    """
    return gettext("%(size)s\N{NO-BREAK SPACE}MB") % {
        "size": number_format(round(size / 1e6), force_grouping=True)
    }


def _use(predictors: Sequence[int]) -> str:
    numbers = ", ".join(str(number) for number in predictors)
    if not numbers:
        return ""
    text = ngettext("Predictor %(numbers)s", "Predictors %(numbers)s", len(predictors))
    return text % {"numbers": numbers}
