import pytest
from django.utils.html import escape

from experiments.admin.editing.condition_field import ConditionField, ConditionWidget

NOT_IN_ROWS = {"$not": {"device": "mobile"}}


@pytest.mark.parametrize("offers_json", [True, False])
def test_json_is_offered_where_the_page_wants_it(offers_json):
    drawn = ConditionWidget(offers_json=offers_json).render("condition", {"device": "mobile"})
    assert ('<textarea\n      name="condition_json"' in drawn) == offers_json
    assert ('type="radio"' in drawn) == offers_json


def test_what_lists_cannot_express_comes_back_unchanged():
    drawn = ConditionWidget(offers_json=False).render("condition", NOT_IN_ROWS)
    assert 'name="condition_mode" value="json"' in drawn
    typed = {"mode": "json", "match": "all", "rows": [], "json": '{"$not": {"device": "mobile"}}'}
    assert ConditionField(required=False).clean(typed) == NOT_IN_ROWS


def test_json_that_cannot_be_read_is_no_fault_of_the_page():
    typed = {"mode": "json", "match": "all", "rows": [], "json": "{"}
    drawn = ConditionWidget(offers_json=False).render("condition", typed)
    assert 'name="condition_json" value="{"' in drawn


@pytest.mark.parametrize("text", ["[1]", "5", "null", '"x"', "[" * 5000])
@pytest.mark.parametrize("offers_json", [True, False])
def test_json_that_is_no_condition_is_drawn_as_it_was_typed(text, offers_json):
    typed = {"mode": "json", "match": "all", "rows": [], "json": text}
    drawn = ConditionWidget(offers_json=offers_json).render("condition", typed)
    assert escape(text) in drawn
