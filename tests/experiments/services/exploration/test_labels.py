import pytest

from experiments.models import Edit, Experiment, Tag
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.edits.edit_log import Author
from experiments.services.edits.object_history import edit_lines
from experiments.services.exploration.labels import set_labels
from experiments.services.lifecycle.drafts import duplicate_experiment
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(owner):
    return Author(now=NOW, person=owner)


@pytest.fixture
def ada(site):
    return factories.make_member(site, "viewer", "ada")


def labels_of(experiment):
    found = Experiment.objects.get(pk=experiment.pk)
    return [tag.name for tag in found.tags.all()], found.owner


def test_live_test_gets_tags_and_somebody_responsible(running_experiment, by, ada):
    set_labels(experiment=running_experiment, tags=["spring", " sale ", "sale"], owner=ada, by=by)
    assert labels_of(running_experiment) == (["sale", "spring"], ada)
    assert Tag.objects.count() == 2
    set_labels(experiment=running_experiment, tags=["spring"], owner=None, by=by)
    assert labels_of(running_experiment) == (["spring"], None)


def test_labels_stand_in_the_history_without_a_name_that_outlives_the_account(draft, by, ada):
    set_labels(experiment=draft, tags=["sale"], owner=ada, by=by)
    fields = {one.field: one.after for one in edit_lines(draft, most=1)[0].fields}
    assert fields == {"Tags": "sale", "Responsible": "ada"}
    ada.delete()
    assert "ada" not in str(Edit.objects.get().changes)
    fields = {one.field: one.after for one in edit_lines(draft, most=1)[0].fields}
    assert fields["Responsible"] == "deleted account"
    assert labels_of(draft) == (["sale"], None)


@pytest.mark.parametrize(
    ("tags", "fault"),
    [
        ([""], "A tag has 1 to 50 characters"),
        (["x" * 51], "A tag has 1 to 50 characters"),
        ([str(number) for number in range(21)], "At most 20 tags"),
    ],
)
def test_wrong_tags_are_refused_whole(draft, by, tags, fault):
    with pytest.raises(CannotSaveError, match=fault):
        set_labels(experiment=draft, tags=tags, owner=None, by=by)
    assert not Tag.objects.exists()


def test_stranger_is_responsible_for_nothing(draft, by, stranger):
    with pytest.raises(CannotSaveError, match="no role on the site"):
        set_labels(experiment=draft, tags=["sale"], owner=stranger, by=by)
    assert labels_of(draft) == ([], None)


def test_copy_keeps_the_tags_and_nobody_responsible(draft, by, ada):
    set_labels(experiment=draft, tags=["sale"], owner=ada, by=by)
    assert labels_of(duplicate_experiment(experiment=draft, now=NOW)) == (["sale"], None)
