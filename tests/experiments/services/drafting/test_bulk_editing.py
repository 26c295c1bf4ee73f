import pytest

from experiments.models import CTA, Tag
from experiments.services.drafting.bulk_editing import (
    BulkEdit,
    FieldChange,
    PlannedChange,
    apply_bulk_edit,
    plan_bulk_edit,
)
from experiments.services.edits.edit_log import Author
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases
BY = Author(now=NOW)


@pytest.fixture
def ctas(site):
    rows = [factories.make_cta(site, text, principles=["clarity"]) for text in ("Go", "Try it")]
    rows[0].tags.add(Tag.objects.create(site=site, name="old"))
    return rows


def test_plan_shows_before_and_after_and_stores_nothing(ctas):
    edit = BulkEdit(
        add_tags=("spring",),
        remove_tags=("old",),
        add_principles=("urgency",),
        remove_principles=("clarity",),
        look={"size": "large"},
    )
    planned = plan_bulk_edit(ctas, edit)
    assert planned[0].changes == (
        FieldChange(name="tags", before="old", after="spring"),
        FieldChange(name="principles", before="Clarity", after="Urgency"),
        FieldChange(name="size", before="Medium", after="Large"),
    )
    assert [one.will_change for one in planned] == [True, True]
    assert [cta.size for cta in ctas] == ["medium", "medium"]
    assert not CTA.objects.filter(size="large").exists()
    assert not Tag.objects.filter(name="spring").exists()


def test_changed_rows_have_tags_principles_and_look(ctas):
    edit = BulkEdit(add_tags=("spring",), remove_tags=("old",), look={"size": "large"})
    assert apply_bulk_edit(ctas, edit, by=BY) == ctas
    for cta in CTA.objects.all():
        assert (cta.size, cta.principles) == ("large", ["clarity"])
        assert [tag.name for tag in cta.tags.all()] == ["spring"]
        assert cta.wordings.count() == 1
    assert apply_bulk_edit(ctas, edit, by=BY) == []


def test_brand_colours_are_those_of_each_site(ctas):
    rival = factories.make_site("rival", brand_background_color="#14532d")
    other = factories.make_cta(rival, "Buy")
    changed = apply_bulk_edit([*ctas, other], BulkEdit(takes_brand=True), by=BY)
    assert changed == [other]
    other.refresh_from_db()
    assert other.background_color == "#14532d"


def test_cta_of_a_test_stays_and_says_why(ctas, running_experiment):
    shown = running_experiment.variants.get(key="b").cta
    edit = BulkEdit(look={"size": "large"})
    planned = plan_bulk_edit([shown], edit)[0]
    assert planned.reasons == ("Locked while the test “hero-test” uses it.",)
    assert not planned.will_change
    assert apply_bulk_edit([*ctas, shown], edit, by=BY) == ctas
    shown.refresh_from_db()
    assert shown.size == "medium"


def test_colours_that_nobody_can_read_stay_out(ctas):
    CTA.objects.filter(pk=ctas[1].pk).update(background_color="#ffffff", text_color="#000000")
    edit = BulkEdit(look={"text_color": "#eeeeee"})
    planned = plan_bulk_edit(CTA.objects.order_by("pk"), edit)
    assert [one.will_change for one in planned] == [True, False]
    assert planned[1].reasons[0].startswith("Hard to read: the contrast of the two colours is 1.1")
    assert apply_bulk_edit(ctas, edit, by=BY) == [ctas[0]]


def test_what_is_there_already_is_no_change(ctas):
    edit = BulkEdit(add_tags=("old",), add_principles=("clarity",), look={"text_color": "#FFFFFF"})
    planned = plan_bulk_edit(ctas, edit)
    assert planned[0] == PlannedChange(cta=ctas[0], changes=(), reasons=())
    assert [one.name for one in planned[1].changes] == ["tags"]
