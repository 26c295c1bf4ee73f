import pytest

from experiments.models import Audience
from experiments.services.catalogue.audience_summary import summary_of
from tests import factories
from tests.experiments.admin.task_pages.test_page import compose, fields_of, page_of, text_of
from tests.experiments.admin.test_audiences import rows_form

REGEX = {"$and": [{"locale": {"$regex": "^fr"}}, {"$or": [{"device": "tablet"}, {"plan": "pro"}]}]}


def test_audience_is_chosen_from_lists_and_never_asks_for_json(admin_client, site):
    page = text_of(admin_client.get(compose("audience")))
    assert "JSON" not in page
    sent = {"site": site.pk, "name": "Phones", **rows_form(("device", "", "is", "mobile"))}
    admin_client.post(compose("audience"), sent)
    assert Audience.objects.get().condition == {"device": "mobile"}


def test_condition_that_lists_cannot_express_is_told_and_kept(admin_client, site):
    audience = factories.make_audience(site)
    Audience.objects.update(condition=REGEX)
    page = admin_client.get(page_of(audience))
    assert "Lists cannot express this condition" in text_of(page)
    json = page.context["adminform"].form["condition"].value()
    assert json == REGEX
    sent = fields_of(page) | {"name": "Renamed", "condition_mode": "json"}
    del sent["condition"]
    hidden = text_of(page).partition('name="condition_json" value="')[2].partition('"')[0]
    sent["condition_json"] = hidden.replace("&quot;", '"')
    answer = admin_client.post(page_of(audience), sent)
    assert answer.status_code == 302
    audience.refresh_from_db()
    assert (audience.name, audience.condition) == ("Renamed", REGEX)


@pytest.mark.parametrize(
    ("typed", "take", "kept"),
    [
        # Left alone: the other person's conditions stay.
        (("locale", "", "is", "fr"), None, {"device": "tablet"}),
        (("device", "", "is", "mobile"), None, {"device": "mobile"}),
        (("device", "", "is", "mobile"), "theirs", {"device": "tablet"}),
    ],
)
def test_conditions_of_two_people_are_merged_as_a_whole(admin_client, site, typed, take, kept):
    audience = factories.make_audience(site, condition={"locale": "fr"})
    page = admin_client.get(page_of(audience))
    sent = {"site": site.pk, "name": "Mine", "key": audience.key, **rows_form(typed)}
    opened = {"_opened_state": page.context["opened_state"]}
    Audience.objects.update(condition={"device": "tablet"})
    shown = admin_client.post(page_of(audience), sent | opened)
    said = [(one.before, one.theirs, one.is_contested) for one in shown.context["differences"]]
    is_contested = typed[0] == "device"
    words = [summary_of(one) for one in ({"locale": "fr"}, {"device": "tablet"})]
    assert said == [(*words, is_contested)]
    again = {"_opened_state": shown.context["opened_state"]}
    again |= {"_take-condition": take} if take else {}
    content = shown.context["adminform"].form["condition"].value()
    (row,) = content["rows"]
    row = tuple(row[name] for name in ("attribute", "custom", "operator", "value"))
    assert admin_client.post(page_of(audience), sent | rows_form(row) | again).status_code == 302
    audience.refresh_from_db()
    assert (audience.name, audience.condition) == ("Mine", kept)


def test_audience_of_a_live_test_says_which_and_has_no_fields(admin_client, slot):
    audience = factories.make_audience(slot.site)
    live = factories.make_running_experiment(slot, audience=audience)
    page = text_of(admin_client.get(page_of(audience)))
    assert f"Locked while the test “{live.name}” uses it." in page
    assert 'name="_save"' not in page
    assert 'name="condition_mode"' not in page
    assert "Summary" in page
    assert admin_client.post(page_of(audience), {"name": "X"}).status_code == 403


@pytest.mark.parametrize("text", ["[1]", "5", "null"])
def test_json_that_is_no_condition_is_refused_beside_the_field(admin_client, site, text):
    audience = factories.make_audience(site, condition={"device": "mobile"})
    sent = fields_of(admin_client.get(page_of(audience)))
    del sent["condition"]
    sent |= rows_form() | {"condition_mode": "json", "condition_json": text}
    shown = admin_client.post(page_of(audience), sent)
    assert shown.status_code == 200
    assert "condition" in shown.context["adminform"].form.errors
    audience.refresh_from_db()
    assert audience.condition == {"device": "mobile"}


@pytest.mark.parametrize("operator", ["one_of", "none_of"])
def test_list_of_no_words_is_refused_and_the_rows_stay(admin_client, site, operator):
    audience = factories.make_audience(site, condition={"device": "mobile"})
    page = admin_client.get(page_of(audience))
    opened = {"_opened_state": page.context["opened_state"]}
    rows = rows_form(("device", "", operator, " , "), ("locale", "", "is", "fr"))
    sent = {"site": site.pk, "name": "Mine", "key": audience.key, **rows, **opened}
    shown = admin_client.post(page_of(audience), sent)
    form = shown.context["adminform"].form
    assert "device: the value must not be empty" in " ".join(form.errors["condition"])
    content = form["condition"].value()
    assert content["mode"] == "rows"
    assert [row["value"] for row in content["rows"]] == [" , ", "fr"]
    audience.refresh_from_db()
    assert audience.condition == {"device": "mobile"}
