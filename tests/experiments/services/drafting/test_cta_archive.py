import pytest

from experiments.models import CTA, Edit, Experiment
from experiments.services.catalogue.cta_copies import copy_cta
from experiments.services.drafting.cta_archive import archive_ctas, reason_to_stay, restore_ctas
from experiments.services.edits.edit_log import Author
from experiments.services.lifecycle.drafts import make_cta
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def by(owner):
    return Author(now=NOW, person=owner)


def test_free_cta_is_archived_and_brought_back_with_its_history(site, by):
    cta = factories.make_cta(site)
    assert [one.pk for one in archive_ctas([cta], by=by).ctas] == [cta.pk]
    assert CTA.objects.get(pk=cta.pk).archived_at == NOW
    assert archive_ctas([cta], by=by).ctas == ()
    assert restore_ctas([cta], by=by) == [cta]
    assert CTA.objects.get(pk=cta.pk).archived_at is None
    assert [edit.way for edit in Edit.objects.order_by("pk")] == ["archive", "restore"]


def test_what_a_slot_or_an_open_test_uses_stays(running_experiment, by):
    default = running_experiment.slot.default_cta
    arm = running_experiment.variants.get(key="b").cta
    done = archive_ctas([default, arm], by=by)
    assert done.ctas == ()
    assert [reason for _cta, reason in done.kept] == [
        "It is the default of: Hero.",
        "It is in the test: hero-test.",
    ]
    assert not CTA.objects.exclude(archived_at=None).exists()


@pytest.mark.parametrize("status", ["draft", "paused"])
def test_draft_and_paused_test_keep_their_ctas(draft, status):
    if status == "paused":
        Experiment.objects.filter(pk=draft.pk).update(status=status, started_at=NOW)
    assert reason_to_stay(draft.variants.get(key="b").cta) == "It is in the test: hero-test."


def test_cta_of_a_finished_test_can_go(running_experiment, by):
    Experiment.objects.filter(pk=running_experiment.pk).update(status="stopped", stopped_at=NOW)
    arm = running_experiment.variants.get(key="b").cta
    assert [one.pk for one in archive_ctas([arm], by=by).ctas] == [arm.pk]


def test_copy_of_an_archived_cta_is_none(site, by):
    cta = factories.make_cta(site)
    archive_ctas([cta], by=by)
    cta.refresh_from_db()
    assert copy_cta(cta).archived_at is None


def test_new_test_makes_a_cta_of_its_own_for_an_archived_wording(slot, by):
    texts = {"en": "Buy"}
    first = make_cta(slot=slot, texts=texts)
    assert make_cta(slot=slot, texts=texts) == first
    archive_ctas([first], by=by)
    second = make_cta(slot=slot, texts=texts)
    assert (second.pk != first.pk, second.name) == (True, "Buy (2)")
