"""Layouts of history files: the columns of each format, by all the names that they go by."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

HistoryFormat = Literal["ctaopt", "upworthy"]
FORMATS: tuple[HistoryFormat, ...] = get_args(HistoryFormat)

_ALIASES: Mapping[HistoryFormat, Mapping[str, tuple[str, ...]]] = {
    "ctaopt": {
        "test": ("test", "test_id", "experiment", "experience"),
        "context": ("context", "contexte"),
        "text": ("text", "wording", "texte", "libelle", "formulation"),
        "visitors": ("visitors", "impressions", "visiteurs"),
        "clicks": ("clicks", "clics"),
        "audience": ("audience",),
        "locale": ("locale", "language", "langue"),
        "form": ("form", "forme"),
        "placement": ("placement", "position", "emplacement"),
        "ended_on": ("ended_on", "termine_le"),
        "group": ("group", "story_group", "groupe"),
        "suspect": ("suspect", "suspect_randomization", "problem"),
    },
    "upworthy": {
        "test": ("test_id", "clickability_test_id"),
        "image": ("image_id", "eyecatcher_id"),
        "excerpt": ("excerpt",),
        "lede": ("lede",),
        "text": ("headline",),
        "visitors": ("impressions",),
        "clicks": ("clicks",),
        "group": ("story_group",),
        "ended_on": ("week_start", "created_at"),
        "suspect": ("suspect_randomization", "randomization_imbalance_risk", "problem"),
    },
}

_REQUIRED: Mapping[HistoryFormat, tuple[str, ...]] = {
    "ctaopt": ("test", "text", "visitors", "clicks"),
    "upworthy": ("test", "image", "excerpt", "lede", "text", "visitors", "clicks"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Columns of a file that its format uses.

    Args:
        names: Name of the column of each field, as in the file.
        places: Place of the column of each field, from 0.
        missing: Fields that the format needs and no column has, by all their names.
        twice: Fields that several columns have.
    """

    names: Mapping[str, str]
    places: Mapping[str, int]
    missing: tuple[str, ...] = ()
    twice: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChosenColumns:
    """Columns that a person has chosen.

    Args:
        header: Names of all columns, by which the header is found again.
        places: Place of the column of each field, from 0.
    """

    header: tuple[str, ...]
    places: Mapping[str, int]


def fields_of(history_format: HistoryFormat) -> dict[str, bool]:
    """Return the fields of a format, each with whether a file must have it.

    >>> fields_of("ctaopt")["context"]
    False
    """
    return {field: field in _REQUIRED[history_format] for field in _ALIASES[history_format]}


def chosen_layout(chosen: ChosenColumns, history_format: HistoryFormat) -> Layout:
    """Return the layout of chosen columns.

    Args:
        chosen: Columns of the file; fields that the format does not have are left out.
        history_format: Format of the file.

    >>> chosen_layout(ChosenColumns(header=("a", "b"), places={"test": 1}), "ctaopt").names
    {'test': 'b'}
    """
    fields = fields_of(history_format)
    places = {field: at for field, at in chosen.places.items() if field in fields}
    needed = [field for field, is_needed in fields.items() if is_needed]
    return Layout(
        names={field: chosen.header[at] for field, at in places.items()},
        places=places,
        missing=tuple(
            " or ".join(_ALIASES[history_format][field]) for field in needed if field not in places
        ),
    )


def layout_of(columns: Sequence[str], history_format: HistoryFormat) -> Layout:
    """Return which column has which field.

    Args:
        columns: Names of the columns of the file; case, accents and spaces do not count.
        history_format: Format of the file.

    >>> layout_of(["Test", "Libellé", "Visiteurs"], "ctaopt").missing
    ('clicks or clics',)
    """
    keys = [column_key(name) for name in columns]
    places: dict[str, int] = {}
    twice = []
    for field, options in _ALIASES[history_format].items():
        key = next((alias for alias in options if alias in keys), None)
        if key is not None:
            places[field] = keys.index(key)
            if keys.count(key) > 1:
                twice.append(columns[places[field]])
    needed = _REQUIRED[history_format]
    return Layout(
        names={field: columns[place] for field, place in places.items()},
        places=places,
        missing=tuple(
            " or ".join(_ALIASES[history_format][field]) for field in needed if field not in places
        ),
        twice=tuple(twice),
    )


def column_key(name: str) -> str:
    """Return the name of a column without case, accents and spaces.

    >>> column_key(" Terminé le ")
    'termine_le'
    """
    plain = unicodedata.normalize("NFKD", name.strip().casefold())
    letters = "".join(mark for mark in plain if not unicodedata.combining(mark))
    return "_".join(letters.replace("-", " ").split())
