"""Rows of a list of wordings: a CTA with its wordings, checked as its form would check it."""

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from babel.localedata import exists as is_known_locale
from django.core.exceptions import ValidationError
from django.utils import translation
from django.utils.translation import gettext as _

from experiments.formatting import quoted
from experiments.models import CTA, CTAWording, Site
from experiments.selectors import catalogue
from experiments.targeting.languages import spelled
from tables.source import Row, as_text

WORDING = "wording:"
# Fields of a CTA that a column may hold, with the names that such columns go by.
NAMES: Mapping[str, tuple[str, ...]] = {
    "name": ("name", "nom", "cta", "key", "cle"),
    "form": ("form", "forme", "type"),
    "destination": ("destination", "link", "lien", "url", "href", "adresse"),
    "background_color": ("background", "background_color", "fond", "couleur_de_fond"),
    "text_color": ("text_color", "couleur_du_texte"),
    "size": ("size", "taille"),
    "icon": ("icon", "icone"),
    "tags": ("tags", "etiquettes", "tag"),
}
_LANGUAGES = {
    **dict.fromkeys(("french", "francais"), "fr"),
    **dict.fromkeys(("english", "anglais"), "en"),
    **dict.fromkeys(("german", "allemand", "deutsch"), "de"),
    **dict.fromkeys(("spanish", "espagnol", "espanol"), "es"),
    **dict.fromkeys(("italian", "italien", "italiano"), "it"),
    **dict.fromkeys(("dutch", "neerlandais", "nederlands"), "nl"),
    **dict.fromkeys(("portuguese", "portugais", "portugues"), "pt"),
}
_CHOICES = {"form": CTA.Form, "size": CTA.Size}
_SYNONYMS: Mapping[str, Mapping[str, str]] = {
    "form": {"lien": "link", "oral": "spoken", "orale": "spoken"},
    "size": {
        **dict.fromkeys(("s", "petit", "petite"), "small"),
        **dict.fromkeys(("m", "moyen", "moyenne"), "medium"),
        **dict.fromkeys(("l", "grand", "grande"), "large"),
    },
}
_MOST_TAG = 50


@dataclass(slots=True, kw_only=True)
class CTARow:
    """A CTA as a row has it.

    Args:
        line: Line of the row.
        values: Fields by name.
        wordings: Wordings by language.
        tags: Names of tags.
        given: Fields of a new CTA whose row does not have them.
        cta: The CTA, stored or new, with the fields of the row; None where a problem kept it.
        is_new: True if the site has no CTA of the name.
        problems: Sentences about what is wrong.
    """

    line: int
    values: dict[str, str]
    wordings: dict[str, str]
    tags: tuple[str, ...]
    given: dict[str, str] = field(default_factory=dict)
    cta: CTA | None = None
    is_new: bool = True
    problems: list[str] = field(default_factory=list)


def read_row(roles: Sequence[str], row: Row, options: Mapping[str, Any]) -> CTARow:
    """Return the CTA of a row; what is wrong with it is among its problems.

    Args:
        roles: Role of each column.
        row: Row as read.
        options: `form` and `destination` of rows that name none.
    """
    cells = [as_text(cell) for cell in row.cells]
    read = CTARow(line=row.line, values={}, wordings={}, tags=())
    while len(cells) > len(roles) and not cells[-1]:
        cells.pop()
    if row.problem or len(cells) != len(roles):
        read.problems.append(_("has another number of cells than the header"))
        return read
    for role, cell in zip(roles, cells, strict=True):
        if role and cell:
            _take(read, role, cell)
    if not read.wordings:
        read.problems.append(_("has no wording"))
        return read
    read.values.setdefault("name", next(iter(read.wordings.values())))
    read.given = {name: options[name] for name in ("form", "destination") if options.get(name)}
    return read


def _take(read: CTARow, role: str, cell: str) -> None:
    if role.startswith(WORDING):
        read.wordings[spelled(role.removeprefix(WORDING))] = cell
    elif role == "tags":
        read.tags = tuple(filter(None, (name.strip() for name in cell.split(","))))
    else:
        read.values[role] = _choice(role, cell, read) if role in _CHOICES else cell


def _choice(role: str, cell: str, read: CTARow) -> str:
    """Return the value of a choice that a cell names, in either language."""
    names: dict[str, str] = {}
    for language in ("en", "fr"):
        with translation.override(language):
            names |= {_plain(str(label)): str(key) for key, label in _CHOICES[role].choices}
    names |= {str(key): str(key) for key, _label in _CHOICES[role].choices}
    names |= _SYNONYMS[role]
    found = names.get(_plain(cell))
    if found is None:
        known = ", ".join(str(label) for _key, label in _CHOICES[role].choices)
        text = _("“%(value)s” is none of: %(known)s")
        read.problems.append(text % {"value": cell[:40], "known": known})
        return ""
    return str(found)


def match_row(read: CTARow, known: CTA | None, site: Site) -> None:
    """Find or make the CTA of a row, and check it as its form would."""
    if read.problems:
        return
    read.is_new = known is None
    read.cta = known or CTA(site=site, **site.brand_look)
    if known is not None and catalogue.experiments_showing(known).exists():
        names = quoted(one.name for one in catalogue.experiments_showing(known))
        read.problems.append(_("Locked while it is an arm of: %(names)s.") % {"names": names})
        return
    values = read.values if known else {**read.given, **read.values}
    if values.get("form", read.cta.form) == CTA.Form.SPOKEN:
        values = {**values, "destination": ""}
    for name, value in values.items():
        setattr(read.cta, name, value)
    try:
        read.cta.full_clean(validate_unique=known is None)
    except ValidationError as error:
        read.problems += _sentences(error)
    for locale, text in read.wordings.items():
        try:
            CTAWording(locale=locale, text=text).clean_fields(exclude=["cta"])
        except ValidationError as error:
            read.problems += _sentences(error)
    for name in read.tags:
        if len(name) > _MOST_TAG:
            read.problems.append(_("The tag “%(name)s” is too long.") % {"name": name[:40]})


def _sentences(error: ValidationError) -> list[str]:
    """Return the sentences of an error, each with the field at fault."""
    return list(_named_sentences(error))


def _named_sentences(error: ValidationError) -> Iterator[str]:
    labels = {one.name: str(one.verbose_name) for one in CTA._meta.fields}
    for name, messages in error.message_dict.items():
        for one in messages:
            text = _("%(name)s: %(text)s") % {"name": labels.get(name, ""), "text": one}
            yield text if name in labels else str(one)


def role_of(name: str) -> str:
    """Return the role of a column by its name; empty if it has none."""
    key = _plain(name)
    for role, names in NAMES.items():
        if key in names:
            return role
    for prefix in ("wording", "text", "texte", "formulation", "libelle"):
        key = key.removeprefix(f"{prefix}_") or key
    tag = spelled(_LANGUAGES.get(key, key))
    if len(key) >= 2 and is_known_locale(tag.replace("-", "_")):
        return f"{WORDING}{tag}"
    return ""


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKD", name.strip().casefold())
    letters = "".join(mark for mark in text if not unicodedata.combining(mark))
    return "_".join(letters.replace("-", " ").replace("_", " ").split())
