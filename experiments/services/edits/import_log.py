"""Log of imports, kept with the edits of their site: file, counts, author, time and reason."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import QuerySet

from experiments.models import Edit, Site, Upload
from experiments.services.edits.edit_log import Author, keep_line

# As the other kinds, the name of a model in lower case. Stored; never rename.
KIND = "upload"
# In place of a field, the kind of what was imported. Stored; never rename.
WHAT = "kind"


def log_import(upload: Upload, counts: Mapping[str, int], *, by: Author) -> Edit:
    """Keep that an import has ended, or was undone, with the counts of its rows."""
    changes = [["", WHAT, None, str(upload.kind)]]
    changes += [["", name, None, str(count)] for name, count in counts.items()]
    verb = Edit.Verb.DELETE if by.way == Edit.Way.UNDO else Edit.Verb.ADD
    return keep_line(upload, verb, changes, by, site_id=upload.site_id, name=upload.name)


def author_of(upload: Upload, *, now: datetime) -> Author:
    """Return who imports a file, and why."""
    return Author(now=now, person=upload.created_by, note=upload.note, way=Edit.Way.IMPORT)


def imports_of(site: Site) -> QuerySet[Edit]:
    """Return the lines of the imports of a site, the latest first."""
    return Edit.objects.filter(site=site, kind=KIND).select_related("author")
