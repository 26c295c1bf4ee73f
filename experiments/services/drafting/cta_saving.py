"""A CTA as fields of its page: saved, merged with what others have saved meanwhile, undone.

Fields are lists of texts by name, as a browser sends them: a wording a language, tags in one line.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from experiments.models import CTA, CTAWording, Site, TypedCTA
from experiments.services.catalogue.editing import faults_of, save_cta
from experiments.services.drafting.keeping import Content
from experiments.services.edits.edit_log import Author, Way, logged
from experiments.services.lifecycle.drafts import LOOK, free_cta_name

WORDING = "wording_"
Fields = dict[str, list[str]]


class ChangedMeanwhileError(Exception):
    """A CTA that is not in the state any more that the person has seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CTAChoices:
    """A CTA as a person wants it: its own fields, its texts by language, its tags by name."""

    values: Mapping[str, Any]
    wordings: Mapping[str, str]
    tags: tuple[str, ...]


def fields_of(cta: CTA) -> Fields:
    """Return a stored CTA as the fields of its page."""
    return {
        "name": [cta.name],
        **look_fields(cta),
        "principles": list(cta.principles),
        "tags": [", ".join(sorted(tag.name for tag in cta.tags.all()))],
        **{WORDING + row.locale: [row.text] for row in cta.wordings.all()},
    }


def open_cta_row(*, person: Any, cta: CTA | None, now: datetime) -> TypedCTA:
    """Return the row of what a person is typing about a CTA; None is a new CTA."""
    opened = fields_of(cta) if cta else {}
    row, _is_new = TypedCTA.objects.get_or_create(
        person=person, cta=cta, made=None, defaults={"opened": opened, "updated_at": now}
    )
    return row


def look_fields(cta: CTA) -> Fields:
    """Return how a CTA looks, and where it leads, as fields."""
    # As browsers write colours.
    return {
        name: [getattr(cta, name).lower() if name.endswith("_color") else getattr(cta, name)]
        for name in LOOK
    }


def tag_names(line: str) -> tuple[str, ...]:
    """Return the tags of a line with commas, each once.

    >>> tag_names("spring, sale,, spring ")
    ('spring', 'sale')
    """
    return tuple(dict.fromkeys(name for part in line.split(",") if (name := part.strip())))


def is_same(one: Content, other: Content) -> bool:
    """Return whether fields have the same content: an empty one is as good as none."""
    return all(
        _plain(one.get(name, ())) == _plain(other.get(name, ())) for name in {**one, **other}
    )


def catch_up(*, typed: TypedCTA, cta: CTA, now: datetime) -> list[str]:
    """Take over what others have saved since; return the fields that both have changed.

    What the person has not touched becomes what is stored; what both have changed stays as typed.
    """
    stored = fields_of(cta)
    contested: list[str] = []
    if typed.content:
        merged, contested = _merged(typed.content, typed.opened, stored)
        typed.content = {} if is_same(merged, stored) else merged
    if typed.opened != stored or contested:
        typed.opened = stored
        TypedCTA.objects.filter(pk=typed.pk).update(
            content=typed.content, opened=stored, updated_at=now
        )
    return contested


@transaction.atomic
def save_typed_cta(*, typed: TypedCTA, site: Site, choices: CTAChoices, now: datetime) -> CTA:
    """Store what was typed; a second click returns the CTA that the first has made.

    Raises:
        CannotSaveError: If it breaks a rule of the models.
        LockedError: If an experiment shows it or showed it.
        ChangedMeanwhileError: If somebody else has saved it since it was opened.
    """
    rows = TypedCTA.objects.filter(pk=typed.pk)
    if typed.cta_id is not None:
        cta = CTA.objects.select_for_update(no_key=True).get(pk=typed.cta_id)
        before = fields_of(cta)
        if before != typed.opened:
            raise ChangedMeanwhileError
        with logged(cta, Author(now=now, person=typed.person)):
            _store(cta, choices)
        after = fields_of(CTA.objects.get(pk=cta.pk))
        saved = {"before": before, "after": after}
        rows.update(content={}, opened=after, saved=saved, updated_at=now)
        return cta
    # The UPDATE is the lock: a second click waits here, and then finds the CTA.
    if not rows.filter(made=None).update(updated_at=now):
        made = rows.select_related("made").get().made
        assert made is not None  # noqa: S101  # Only rows with one were left out.
        return made
    cta = CTA(site=site)
    with logged(cta, Author(now=now, person=typed.person)):
        _store(cta, choices)
    rows.update(made=cta)
    return cta


@transaction.atomic
def cta_of_words(*, site: Site, text: str, like: CTA | None, by: Author) -> CTA:
    """Store a new CTA with one wording in the site's language, in the look of another, or its own.

    Raises:
        CannotSaveError: If it breaks a rule of the models.
    """
    cta = CTA(site=site)
    look = _look_for(site, like)
    with logged(cta, by):
        _store(cta, CTAChoices(values=look, wordings={site.default_locale: text}, tags=()))
    return cta


def faults_of_words(*, site: Site, text: str, like: CTA | None) -> list[str]:
    """Return why `cta_of_words` would refuse, in sentences; nothing is stored."""
    name = free_cta_name(site.pk, text)
    cta = CTA(site=site, name=name, **_look_for(site, like))
    wording = CTAWording(locale=site.default_locale, text=text)
    errors = [faults_of(cta), faults_of(wording, exclude=["cta"])]
    return [str(said) for one in errors for texts in one.values() for said in texts]


def _look_for(site: Site, like: CTA | None) -> dict[str, Any]:
    return {name: getattr(like, name) for name in LOOK} if like else dict(site.brand_look)


@transaction.atomic
def undo_save(*, typed: TypedCTA, now: datetime) -> bool:
    """Restore a CTA as it was before the person's last save; False if it has changed since.

    Raises:
        CannotSaveError: If a rule of the models, or another CTA, stands in its way by now.
        LockedError: If an experiment shows it or showed it.
    """
    if typed.cta_id is None:
        return False
    cta = CTA.objects.select_for_update(no_key=True).get(pk=typed.cta_id)
    saved = typed.saved
    if saved is None or fields_of(cta) != saved["after"]:
        return False
    before = saved["before"]
    values = {name: before[name][0] for name in ("name", *LOOK)}
    texts = {
        name.removeprefix(WORDING): text[0]
        for name, text in before.items()
        if name.startswith(WORDING)
    }
    values |= {"principles": before["principles"]}
    former = CTAChoices(values=values, wordings=texts, tags=tag_names(before["tags"][0]))
    with logged(cta, Author(now=now, person=typed.person, way=Way.UNDO)):
        _store(cta, former)
    TypedCTA.objects.filter(pk=typed.pk).update(
        content={}, opened=before, saved=None, updated_at=now
    )
    return True


def _store(cta: CTA, choices: CTAChoices) -> None:
    for name, value in choices.values.items():
        setattr(cta, name, value)
    if not cta.name and choices.wordings:
        cta.name = free_cta_name(cta.site_id, next(iter(choices.wordings.values())))
    rows = [CTAWording(locale=locale, text=text) for locale, text in choices.wordings.items()]
    save_cta(cta, wordings=rows, tags=choices.tags)


def _merged(typed: Content, opened: Content, stored: Content) -> tuple[Fields, list[str]]:
    """Return the fields with what others have changed, and the names of those in dispute."""
    merged, contested = {}, []
    for name in {**stored, **typed}:
        mine, seen, theirs = (_plain(one.get(name, ())) for one in (typed, opened, stored))
        is_theirs = theirs not in (seen, mine)
        if is_theirs and mine != seen:
            contested.append(name)
        merged[name] = list(theirs if is_theirs and mine == seen else mine)
    return merged, contested


def _plain(texts: Sequence[str]) -> list[str]:
    """Return the values of a field; an empty one is as good as none."""
    return [text for text in texts if text]
