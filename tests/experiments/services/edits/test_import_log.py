import pytest

from experiments.models import Edit, Upload
from experiments.services.edits.edit_log import Author, log_removal
from experiments.services.edits.import_log import imports_of, log_import
from experiments.services.edits.object_history import edits_of_site
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db
Way = Edit.Way


@pytest.fixture
def upload(site):
    return Upload.objects.create(
        site=site, kind="wordings", name="spring.csv", size=1, created_at=NOW
    )


def test_import_is_kept_with_its_counts(site, upload, owner):
    by = Author(now=NOW, person=owner, note="Spring", way=Way.IMPORT)
    edit = log_import(upload, {"created": 2}, by=by)
    assert list(imports_of(site)) == [edit]
    assert (edit.verb, edit.way, edit.name, edit.note) == ("add", "import", "spring.csv", "Spring")
    assert edit.changes == [["", "kind", None, "wordings"], ["", "created", None, "2"]]


def test_history_of_a_site_has_imports_and_removals_of_its_own(site, other_site, upload):
    by = Author(now=NOW, way=Way.IMPORT)
    own = [log_import(upload, {}, by=by), log_import(upload, {}, by=Author(now=NOW, way=Way.UNDO))]
    log_removal(factories.make_cta(site, "Go"), by=by)
    log_removal(factories.make_cta(other_site, "Go"), by=by)
    assert {edit.kind for edit in edits_of_site(site)} == {"upload", "cta"}
    assert set(own) <= set(edits_of_site(site))
    assert [edit.verb for edit in own] == ["add", "delete"]
    assert edits_of_site(other_site).count() == 1
