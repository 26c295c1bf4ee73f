"""Creation, change and removal of editable rows: checked by the models, as in the admin's forms.

A row is stored with all that belongs to it, or not at all, and serving is notified of it.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.db import transaction
from django.db.models import Model, ProtectedError, QuerySet, RestrictedError
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from experiments.formatting import quoted
from experiments.models import CTA, Audience, CTAWording, Experiment, Namespace, Slot, Tag
from experiments.selectors import catalogue
from experiments.services.catalogue.config_revision import bump_revision

Errors = dict[str, list[str]]
# Of a key that is made of a name; a number may follow it.
LONGEST_STEM = 40


class CannotSaveError(ValueError):
    """A row that breaks a rule; `errors` are sentences by field, "" for the whole row."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__("; ".join(f"{name}: {' '.join(said)}" for name, said in errors.items()))
        self.errors = errors

    @property
    def sentences(self) -> list[str]:
        """The sentences of all fields."""
        return [str(text) for texts in self.errors.values() for text in texts]


class LockedError(Exception):
    """A row that may not change or go now; its text is for the person who tried."""


class AlreadyThereError(Exception):
    """A row with this key or name exists: `row` as it is shown, or None if it is another site's."""

    def __init__(self, row: Mapping[str, Any] | None) -> None:
        super().__init__(_("There is one with this key or name already."))
        self.row = row


@transaction.atomic
def save_row(row: Model) -> None:
    """Store a new or changed row that passes its model's rules.

    Raises:
        CannotSaveError: If a field, or the row as a whole, breaks a rule.
        LockedError: If live experiments, or visitors, hold it as it is.
    """
    refuse_if_locked(row)
    refuse_faults(faults_of(row))
    row.save()
    bump_revision()


@transaction.atomic
def save_cta(
    cta: CTA, *, wordings: Sequence[CTAWording] | None = None, tags: Sequence[str] | None = None
) -> None:
    """Store a CTA with its wordings and tags; what is None stays as it is.

    Raises:
        CannotSaveError: If it, or a wording, breaks a rule, or no wording is left.
        LockedError: If an experiment shows it or showed it.
    """
    refuse_if_locked(cta)
    errors = faults_of(cta)
    if wordings is not None:
        errors |= _wording_faults(wordings)
    refuse_faults(errors)
    cta.save()
    if wordings is not None:
        cta.wordings.all().delete()
        for wording in wordings:
            wording.cta = cta
            wording.save()
    if tags is not None:
        cta.tags.set([_tag(cta.site_id, name) for name in dict.fromkeys(tags)])
    bump_revision()


@transaction.atomic
def delete_row(row: Model) -> None:
    """Remove a row.

    Raises:
        LockedError: If something else rests on it.
    """
    refuse_if_locked(row)
    try:
        row.delete()
    except ProtectedError as error:
        raise _in_use(error.protected_objects) from error
    except RestrictedError as error:
        raise _in_use(error.restricted_objects) from error
    bump_revision()


def _in_use(holders: Iterable[Model]) -> LockedError:
    users = sorted({str(one) for one in holders})
    return LockedError(_("It is used by: %(users)s.") % {"users": ", ".join(users)})


def faults_of(row: Model, *, exclude: Sequence[str] = ()) -> Errors:
    """Return what a row breaks of its model's rules, by field; "" is the row as a whole."""
    try:
        row.full_clean(exclude=set(exclude))
    except ValidationError as error:
        said = dict(error.message_dict)
        whole = said.pop(NON_FIELD_ERRORS, [])
        return said | ({"": whole} if whole else {})
    return {}


def refuse_faults(errors: Mapping[str, Sequence[str]]) -> None:
    if errors:
        raise CannotSaveError(errors)


def refuse_if_locked(row: Model) -> None:
    reason = "" if row._state.adding else lock_reason(row)
    if reason:
        raise LockedError(reason)


def lock_reason(row: Any) -> str:
    """Return why a stored row may not change now; empty if it may.

    The pages of the admin lock by the same questions.
    """
    if isinstance(row, CTA):
        users = list(catalogue.experiments_showing(row))
    elif isinstance(row, Audience | Namespace):
        users = list(catalogue.live_experiments_using(row))
    elif isinstance(row, Experiment) and row.status != Experiment.Status.DRAFT:
        return _("Only a draft can change.")
    else:
        return _slot_lock(row) if isinstance(row, Slot) else ""
    if not users:
        return ""
    return ngettext(
        "Locked while the test %(names)s uses it.",
        "Locked while the tests %(names)s use it.",
        len(users),
    ) % {"names": quoted(one.name for one in users)}


def _slot_lock(slot: Slot) -> str:
    """The page names the slot by its key: it stays once experiments are there."""
    stored = Slot.objects.get(pk=slot.pk)
    is_renamed = (stored.key, stored.site_id) != (slot.key, slot.site_id)
    if is_renamed and slot.experiments.exists():
        return _("The key of a slot stays once it has experiments.")
    return ""


def _wording_faults(wordings: Sequence[CTAWording]) -> Errors:
    if not wordings:
        return {"wordings": [_("A CTA needs a wording.")]}
    errors: Errors = {}
    seen: set[str] = set()
    for number, wording in enumerate(wordings):
        for name, said in faults_of(wording, exclude=["cta"]).items():
            errors[f"wordings.{number}.{name}".rstrip(".")] = said
        if wording.locale in seen:
            errors[f"wordings.{number}.locale"] = [_("There are two wordings in this language.")]
        seen.add(wording.locale)
    return errors


def _tag(site_id: int, name: str) -> Tag:
    tag, _is_new = Tag.objects.get_or_create(site_id=site_id, name=name)
    return tag


def free_slug(name: str, *, rows: QuerySet[Any]) -> str:
    """Return a key made of a name that none of the rows has, which may be those of one site."""
    stem = slugify(name)[:LONGEST_STEM].strip("-") or rows.model._meta.model_name or "row"
    used = set(rows.filter(key__startswith=stem).values_list("key", flat=True))
    number, key = 1, stem
    while key in used:
        number += 1
        key = f"{stem}-{number}"
    return key
