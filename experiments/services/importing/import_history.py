"""Imports in the history of their site, in words."""

from django.utils.translation import gettext as _

from experiments.models import Edit, Site, Upload
from experiments.services.edits.import_log import WHAT, imports_of
from experiments.services.edits.object_history import ChangedField, Line, who_did
from experiments.services.edits.row_content import NOTHING
from experiments.services.importing import event_history, past_tests, wording_list

Kind = Upload.Kind
COUNTS_IN_WORDS = {
    Kind.WORDINGS: wording_list.result_in_words,
    Kind.EVENTS: event_history.result_in_words,
    Kind.HISTORY: past_tests.result_in_words,
}


def import_lines(site: Site, *, most: int, upload: Upload | None = None) -> list[Line]:
    """Return the latest imports of a site, or what became of one, as lines of a history."""
    rows = imports_of(site)
    if upload is not None:
        rows = rows.filter(row=upload.pk)
    return [_line(edit) for edit in rows[:most]]


def _line(edit: Edit) -> Line:
    kept = {field: after for _part, field, _before, after in edit.changes}
    kind = Kind(kept.pop(WHAT))
    is_undone = edit.verb == Edit.Verb.DELETE
    act = _("Import undone") if is_undone else _("Imported")
    counts = {} if is_undone else {name: int(count) for name, count in kept.items()}
    fields = COUNTS_IN_WORDS[kind](counts) if counts else []
    return Line(
        at=edit.at,
        who=who_did(edit.author, edit.server_key),
        what=" · ".join((act, str(kind.label), edit.name)),
        note=edit.note,
        fields=tuple(
            ChangedField(part="", field=label, before=NOTHING, after=count)
            for label, count in fields
        ),
    )
