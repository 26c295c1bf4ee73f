"""Wordings of a site from an uploaded or pasted table: a CTA a row, languages as columns.

All rows are stored or none: a list with a hole in it is found by nobody.
"""

import csv
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError
from django.utils import timezone
from django.utils.translation import gettext as _

from experiments import formatting
from experiments.models import CTA, CTAWording, Site, Tag, Upload
from experiments.selectors import catalogue
from experiments.services.catalogue.config_revision import bump_revision
from experiments.services.edits.edit_log import Author, log_removal, logged
from experiments.services.edits.import_log import author_of
from experiments.services.importing.previews import (
    Preview,
    Remark,
    Role,
    check_roles,
    opened,
    roles_of,
)
from experiments.services.importing.wording_rows import (
    NAMES,
    WORDING,
    CTARow,
    match_row,
    read_row,
    role_of,
)

MOST_ROWS = 2_000


class CannotUndoError(Exception):
    """An import that is in use; the text is for people."""


def pasted_table(text: str, *, locale: str) -> str:
    r"""Return a pasted text as a table: lines without a header are wordings in that language.

    >>> pasted_table("Buy now\nYes, I do", locale="en")
    '"en"\n"Buy now"\n"Yes, I do"\n'
    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = lines[0] if lines else ""
    marks = [mark for mark in "\t;," if any(role_of(name) for name in first.split(mark))]
    if "\t" in text or marks:
        return text
    table = io.StringIO()
    writer = csv.writer(table, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([line] for line in (locale, *lines))
    return table.getvalue()


def preview_wordings(path: Path, options: Mapping[str, Any], *, site: Site) -> Preview:
    """Return what an import of wordings would store.

    Raises:
        TableError: If the file cannot be read as a table.
        LookupError: If the encoding does not exist.
    """
    return _read(path, options, site)[0]


@transaction.atomic
def import_wordings(upload: Upload, path: Path) -> dict[str, Any]:
    """Import an upload as a whole; return its counts.

    Raises:
        ValidationError: If a row has become impossible since the preview. Nothing is stored then.
    """
    preview, rows = _read(path, upload.options, upload.site)
    if not preview.may_be_imported:
        raise ValidationError(
            _("The catalogue has changed since the preview: look at the lines again.")
        )
    undo: dict[str, Any] = {"created": [], "changed": []}
    by = author_of(upload, now=timezone.now())
    by = replace(by, note=" · ".join(text for text in (upload.name, upload.note) if text))
    n_wordings = 0
    for row in rows:
        if row.cta is None:
            raise TypeError("a row without a CTA")
        if not row.is_new:
            undo["changed"].append(_as_it_is(row.cta))
        with logged(row.cta, by):
            n_wordings += _store(row.cta, row)
        if row.is_new:
            undo["created"].append(row.cta.pk)
    bump_revision()
    upload.undo = undo
    upload.save(update_fields=["undo"])
    return {
        "created": len(undo["created"]),
        "updated": len(undo["changed"]),
        "wordings": n_wordings,
    }


def undo_wordings(upload: Upload, by: Author) -> str:
    """Undo an import as a whole; return a sentence about it.

    Raises:
        CannotUndoError: If a CTA is in use by now.
    """
    undo = upload.undo or {}
    try:
        with transaction.atomic():
            made = CTA.objects.filter(pk__in=undo["created"])
            for cta in made:
                log_removal(cta, by=by)
            made.delete()
            for before in undo["changed"]:
                _restore(before, by)
            bump_revision()
    except ProtectedError as error:
        names = ", ".join(sorted(str(row) for row in error.protected_objects)[:5])
        raise CannotUndoError(_("In use by: %(names)s.") % {"names": names}) from error
    return _("Deleted: %(deleted)s; as before: %(restored)s.") % {
        "deleted": formatting.count(len(undo["created"])),
        "restored": formatting.count(len(undo["changed"])),
    }


def result_in_words(result: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the counts of an import, as labels and values."""
    labels = (
        (_("New CTAs"), "created"),
        (_("Updated"), "updated"),
        (_("Wordings"), "wordings"),
    )
    return [(label, formatting.count(result[key])) for label, key in labels]


def _read(path: Path, options: Mapping[str, Any], site: Site) -> tuple[Preview, list[CTARow]]:
    table = opened(path, options, is_header=lambda columns: any(map(role_of, columns)))
    guessed = [role_of(name) for name in table.columns]
    chosen, _is_chosen = roles_of(table, options, guessed)
    roles = _roles(site, (*guessed, *chosen))
    preview = Preview(table=table, roles=roles, chosen=chosen, is_whole=True)
    if any(role.startswith(WORDING) for role in chosen):
        preview.chosen = chosen
        check_roles_of_wordings(preview)
    else:
        preview.faults.append(_("Choose the column of the wordings and their language."))
    rows: list[CTARow] = []
    if not preview.faults:
        rows = _rows(preview, options, site)
    return preview, rows


def check_roles_of_wordings(preview: Preview) -> None:
    """Name roles that several columns have; one column alone is a list of wordings."""
    faults = list(preview.faults)
    check_roles(preview)
    if len(preview.table.columns) == 1:
        preview.faults = faults


def _roles(site: Site, chosen: tuple[str, ...]) -> tuple[Role, ...]:
    labels = {
        "name": _("name of the CTA"),
        "form": _("form"),
        "destination": _("destination"),
        "background_color": _("background colour"),
        "text_color": _("text colour"),
        "size": _("size"),
        "icon": _("icon"),
        "tags": _("tags"),
    }
    used = CTAWording.objects.filter(cta__site=site).values_list("locale", flat=True).distinct()
    named = [role.removeprefix(WORDING) for role in chosen if role.startswith(WORDING)]
    locales = sorted({site.default_locale, *used, *named, "en", "fr"})
    return (
        *(
            Role(key=f"{WORDING}{one}", label=_("wording: %(locale)s") % {"locale": one})
            for one in locales
        ),
        *(Role(key=key, label=label) for key, label in labels.items()),
    )


def _rows(preview: Preview, options: Mapping[str, Any], site: Site) -> list[CTARow]:
    rows: list[CTARow] = []
    known = {cta.name: cta for cta in catalogue.ctas_of(sites=Site.objects.filter(pk=site.pk))}
    seen: dict[str, int] = {}
    for row in preview.table.rows():
        read = read_row(preview.chosen, row, options)
        rows.append(read)
        if len(rows) > MOST_ROWS:
            preview.faults.append(
                _("More than %(most)s rows: split the list.")
                % {"most": formatting.count(MOST_ROWS)}
            )
            return []
        name = read.values.get("name", "")
        if name in seen:
            text = _("“%(name)s” stands on line %(line)s already.")
            read.problems.append(text % {"name": name, "line": formatting.count(seen[name])})
        seen.setdefault(name, row.line)
        match_row(read, known.get(name), site)
        for problem in read.problems:
            preview.add(Remark(line=row.line, text=problem))
        preview.n_good += not read.problems
    n_new = sum(row.is_new for row in rows)
    preview.facts = [
        (_("New CTAs"), formatting.count(n_new)),
        (_("CTAs to update"), formatting.count(len(rows) - n_new)),
        (_("Wordings"), formatting.count(sum(len(row.wordings) for row in rows))),
    ]
    return rows


def _store(cta: CTA, row: CTARow) -> int:
    """Store a CTA with the wordings and tags of its row; return how many wordings."""
    cta.save()
    for locale, text in row.wordings.items():
        CTAWording.objects.update_or_create(cta=cta, locale=locale, defaults={"text": text})
    if row.tags:
        tags = [Tag.objects.get_or_create(site=cta.site, name=name)[0] for name in row.tags]
        cta.tags.add(*tags)
    return len(row.wordings)


def _as_it_is(cta: CTA) -> dict[str, Any]:
    """Return a CTA as the database has it."""
    stored = CTA.objects.get(pk=cta.pk)
    return {
        "pk": stored.pk,
        "values": {name: getattr(stored, name) for name in NAMES if name != "tags"},
        "tags": [tag.pk for tag in stored.tags.all()],
        "wordings": dict(stored.wordings.values_list("locale", "text")),
    }


def _restore(before: Mapping[str, Any], by: Author) -> None:
    cta = CTA.objects.filter(pk=before["pk"]).first()
    if cta is None:
        return  # Deleted since, by hand.
    if catalogue.experiments_showing(cta).exists():
        raise CannotUndoError(_("In use by: %(names)s.") % {"names": cta.name})
    texts = before["wordings"].items()
    with logged(cta, by):
        CTA.objects.filter(pk=cta.pk).update(**before["values"])
        cta.wordings.all().delete()
        CTAWording.objects.bulk_create(
            CTAWording(cta=cta, locale=locale, text=text) for locale, text in texts
        )
        cta.tags.set(Tag.objects.filter(pk__in=before["tags"]))
