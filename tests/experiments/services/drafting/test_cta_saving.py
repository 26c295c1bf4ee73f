import pytest

from experiments.models import CTA, Tag, TypedCTA
from experiments.services.catalogue.editing import CannotSaveError, LockedError
from experiments.services.drafting.cta_saving import (
    ChangedMeanwhileError,
    CTAChoices,
    catch_up,
    cta_of_words,
    fields_of,
    is_same,
    look_fields,
    open_cta_row,
    save_typed_cta,
    tag_names,
    undo_save,
)
from experiments.services.drafting.keeping import keep
from experiments.services.edits.edit_log import Author
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture
def cta(site):
    words = {"en": "Sign up", "fr": "S\u2019inscrire"}
    made = factories.make_cta(site, "Sign up", wordings=words, background_color="#1A2B3C")
    made.tags.add(Tag.objects.create(site=site, name="spring"))
    return made


def choices(**changes):
    values = {"name": "Join", "form": "button", "destination": "/go", "size": "large", "icon": ""}
    values |= {"background_color": "#1d4ed8", "text_color": "#ffffff", "principles": ["clarity"]}
    words = changes.pop("wordings", {"en": "Join"})
    return CTAChoices(values=values | changes, wordings=words, tags=("sale",))


def typed_over(owner, cta, **fields):
    row = open_cta_row(person=owner, cta=cta, now=NOW)
    keep(typed=row, content={**row.opened, **fields}, now=NOW)
    return row


def test_fields_are_those_that_a_browser_sends(cta):
    assert fields_of(cta) == {
        "name": ["Sign up"],
        "form": ["button"],
        "destination": ["/go"],
        "background_color": ["#1a2b3c"],
        "text_color": ["#ffffff"],
        "size": ["medium"],
        "icon": [""],
        "principles": [],
        "tags": ["spring"],
        "wording_en": ["Sign up"],
        "wording_fr": ["S\u2019inscrire"],
    }
    assert "name" not in look_fields(cta)


def test_tags_are_split_at_commas_once_each():
    assert tag_names(" spring,,sale, spring,") == ("spring", "sale")
    assert tag_names("") == ()


def test_empty_field_is_as_good_as_none():
    assert is_same({"icon": [""], "name": ["a"]}, {"name": ["a"]})
    assert not is_same({"name": ["a"]}, {"name": ["b"]})


def test_person_has_one_row_for_each_cta_and_one_for_a_new_one(owner, cta):
    rows = {open_cta_row(person=owner, cta=one, now=NOW).pk for one in (cta, None, cta, None)}
    assert len(rows) == 2
    assert open_cta_row(person=owner, cta=cta, now=NOW).opened == fields_of(cta)


def test_untouched_fields_follow_what_others_save(owner, cta):
    row = typed_over(owner, cta, wording_en=["Mine"])
    CTA.objects.filter(pk=cta.pk).update(icon="→")
    cta.refresh_from_db()
    assert catch_up(typed=row, cta=cta, now=NOW) == []
    row.refresh_from_db()
    assert (row.content["icon"], row.content["wording_en"]) == (["→"], ["Mine"])
    assert row.opened == fields_of(cta)


def test_field_that_both_have_changed_is_in_dispute_once(owner, cta):
    row = typed_over(owner, cta, name=["Mine"])
    CTA.objects.filter(pk=cta.pk).update(name="Theirs")
    cta.refresh_from_db()
    assert catch_up(typed=row, cta=cta, now=NOW) == ["name"]
    assert row.content["name"] == ["Mine"]
    assert catch_up(typed=row, cta=cta, now=NOW) == []


def test_same_change_of_two_people_is_no_dispute_and_nothing_left_to_type(owner, cta):
    row = typed_over(owner, cta, name=["Both"])
    CTA.objects.filter(pk=cta.pk).update(name="Both")
    cta.refresh_from_db()
    assert catch_up(typed=row, cta=cta, now=NOW) == []
    assert row.content == {}


def test_saved_cta_has_words_look_and_tags_and_is_undone(owner, cta):
    row, before = typed_over(owner, cta), fields_of(cta)
    save_typed_cta(typed=row, site=cta.site, choices=choices(), now=NOW)
    cta.refresh_from_db()
    assert (cta.name, cta.size, [tag.name for tag in cta.tags.all()]) == ("Join", "large", ["sale"])
    assert {one.locale: one.text for one in cta.wordings.all()} == {"en": "Join"}
    row.refresh_from_db()
    assert row.content == {}
    assert undo_save(typed=row, now=NOW)
    cta = CTA.objects.get(pk=cta.pk)
    assert fields_of(cta) == before
    row.refresh_from_db()
    assert not undo_save(typed=row, now=NOW)


def test_undo_leaves_what_was_changed_since(owner, cta):
    row = typed_over(owner, cta)
    save_typed_cta(typed=row, site=cta.site, choices=choices(), now=NOW)
    row.refresh_from_db()
    cta.wordings.update(text="Theirs")
    assert not undo_save(typed=row, now=NOW)
    assert cta.wordings.get().text == "Theirs"


def test_save_over_somebody_else_s_is_refused(owner, cta):
    row = typed_over(owner, cta)
    CTA.objects.filter(pk=cta.pk).update(icon="→")
    with pytest.raises(ChangedMeanwhileError):
        save_typed_cta(typed=row, site=cta.site, choices=choices(), now=NOW)
    cta.refresh_from_db()
    assert (cta.name, cta.icon) == ("Sign up", "→")


def test_new_cta_is_made_once_and_named_by_its_words(owner, site):
    row = open_cta_row(person=owner, cta=None, now=NOW)
    wanted = choices(name="", wordings={"en": "Go", "fr": "Allez"})
    made = [save_typed_cta(typed=row, site=site, choices=wanted, now=NOW).pk for _ in range(2)]
    assert made[0] == made[1]
    assert CTA.objects.get().name == "Go"
    other = open_cta_row(person=owner, cta=None, now=NOW)
    assert save_typed_cta(typed=other, site=site, choices=wanted, now=NOW).name == "Go (2)"


def test_refused_cta_leaves_its_row_open(owner, site):
    row = open_cta_row(person=owner, cta=None, now=NOW)
    with pytest.raises(CannotSaveError, match="contrast"):
        save_typed_cta(typed=row, site=site, choices=choices(text_color="#1d4ed9"), now=NOW)
    assert TypedCTA.objects.get().made is None
    assert not CTA.objects.exists()


def test_cta_of_a_test_stays_as_it_is(owner, running_experiment):
    cta = running_experiment.variants.get(key="b").cta
    row = open_cta_row(person=owner, cta=cta, now=NOW)
    with pytest.raises(LockedError):
        save_typed_cta(typed=row, site=cta.site, choices=choices(), now=NOW)
    cta.refresh_from_db()
    assert cta.size == "medium"


def test_words_become_a_cta_in_the_look_of_another_or_of_the_site(site, owner):
    site.brand_background_color = "#7c2d12"
    by = Author(now=NOW, person=owner)
    first = cta_of_words(site=site, text="Go", like=None, by=by)
    assert (first.background_color, first.name) == ("#7c2d12", "Go")
    first.icon, first.form = "→", "link"
    second = cta_of_words(site=site, text="Go", like=first, by=by)
    assert (second.name, second.icon, second.form) == ("Go (2)", "→", "link")
    assert [row.text for row in second.wordings.all()] == ["Go"]
    with pytest.raises(CannotSaveError):
        cta_of_words(site=site, text="w" * 201, like=None, by=by)
