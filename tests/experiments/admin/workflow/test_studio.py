"""The studio as a browser uses it: words first, drawn, checked, kept as typed, saved, undone."""

import re

import pytest
from django.urls import reverse

from experiments.models import CTA, Site, TypedCTA
from tests import factories
from tests.factories import NOW

COMPOSE = reverse("admin:experiments_cta_compose")


@pytest.fixture(autouse=True)
def at_now(time_machine):
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def bilingual(site):
    words = {"en": "Sign up", "fr": "S\u2019inscrire"}
    return factories.make_cta(site, "Sign up", wordings=words, principles=["clarity"])


def page_of(cta):
    return reverse("admin:experiments_cta_studio", args=[cta.pk])


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def fields(cta, **changes):
    """What the page of a stored CTA sends, with changes."""
    sent = {"name": cta.name, "destination": cta.destination, "form": cta.form, "size": cta.size}
    sent |= {"icon": cta.icon, "tags": "", "language": "", "principles": cta.principles}
    sent |= {"background_color": cta.background_color, "text_color": cta.text_color}
    sent |= {f"wording_{row.locale}": row.text for row in cta.wordings.all()}
    return sent | changes


def new(site, **changes):
    sent = {"site": site.pk, "shown": site.pk, "form": "button", "size": "medium", "name": ""}
    sent |= {"background_color": "#1d4ed8", "text_color": "#ffffff", "icon": "", "tags": ""}
    return sent | {"destination": "/go", "action": "save"} | changes


def live(client, page, sent):
    return text_of(client.post(page, sent, headers={"HX-Request": "true"}))


def test_new_cta_is_made_of_its_words_with_the_brand_colours(admin_client, bilingual):
    Site.objects.update(brand_background_color="#7c2d12")
    page = text_of(admin_client.get(COMPOSE))
    assert 'type="color" name="background_color" value="#7c2d12"' in page
    assert page.index('name="wording_en"') < page.index('name="background_color"')
    sent = {"wording_en": "Try it", "wording_fr": "Essayez", "tags": "spring, sale"}
    answer = admin_client.post(COMPOSE, new(bilingual.site, **sent, icon="→"))
    cta = CTA.objects.get(name="Try it")
    assert answer.url == page_of(cta)
    assert {row.locale: row.text for row in cta.wordings.all()} == {"en": "Try it", "fr": "Essayez"}
    assert sorted(tag.name for tag in cta.tags.all()) == ["sale", "spring"]
    assert (cta.icon, cta.destination) == ("→", "/go")


def test_second_click_finds_the_cta_of_the_first(admin_client, site):
    admin_client.get(COMPOSE)
    typed = TypedCTA.objects.get().pk
    sent = new(site, wording_en="Try it", typed=typed)
    answers = [admin_client.post(COMPOSE, sent) for _ in range(2)]
    assert answers[0].url == answers[1].url
    assert CTA.objects.count() == 1


def test_same_look_begins_with_other_words(admin_client, bilingual):
    CTA.objects.update(form="link", background_color="#123456", destination="/x", icon="→")
    page = text_of(admin_client.get(f"{COMPOSE}?like={bilingual.pk}"))
    assert 'value="#123456"' in page
    assert '<option value="link" selected>' in page
    assert 'value="/x"' in page
    assert 'value="Sign up"' not in page


def test_answer_to_typing_draws_checks_and_stores_nothing(admin_client, bilingual):
    sent = fields(bilingual, wording_en="Get your free trial", wording_fr="", size="large")
    part = live(admin_client, page_of(bilingual), sent)
    assert part.count(">Get your free trial</span>") == 4
    assert "no wording: French" in part
    assert "Begins with a verb in the imperative" in part
    assert 'value="tick:reward"' in part
    assert "font-size:20px" in part
    bilingual.refresh_from_db()
    assert (bilingual.size, bilingual.wordings.count()) == ("medium", 2)


def test_pale_colours_are_named_while_typing_and_refused_at_the_end(admin_client, bilingual):
    sent = fields(bilingual, background_color="#ffffff", text_color="#999999")
    part = live(admin_client, page_of(bilingual), sent)
    assert "cta-finding-fault" in part
    page = text_of(admin_client.post(page_of(bilingual), sent | {"action": "save"}))
    assert "Hard to read: the contrast of the two colours is 2.8 to 1" in page
    assert "Nothing that you typed is lost." in page
    assert 'value="#999999"' in page
    bilingual.refresh_from_db()
    assert bilingual.text_color == "#ffffff"


def test_link_that_is_dark_is_named_as_such_for_dark_pages(admin_client, bilingual):
    sent = fields(bilingual, form="link", background_color="#1d4ed8")
    assert "On a dark page this link is hard to read" in live(
        admin_client, page_of(bilingual), sent
    )
    sent = fields(bilingual, background_color="#1d4ed8")
    assert "On a dark page" not in live(admin_client, page_of(bilingual), sent)


def test_all_faults_are_said_at_once_beside_their_fields(admin_client, bilingual):
    sent = fields(bilingual, wording_en="<i>x</i>", destination="javascript:alert(1)")
    page = text_of(admin_client.post(page_of(bilingual), sent | {"action": "save"}))
    assert page.count('class="errorlist"') == 2
    assert 'name="destination" value="javascript:alert(1)"' in page


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"wording_en": "", "wording_fr": ""}, "Write the words."),
        ({"wording_en": "<script>alert(1)</script>"}, "has HTML in it."),
        ({"wording_en": "x" * 201}, "at most 200 characters"),
        ({"destination": "javascript:alert(1)"}, "Write an address"),
        ({"background_color": "red"}, "Write a colour as #rrggbb."),
        ({"form": "banner"}, "Select a valid choice."),
        ({"tags": "x" * 51}, "is too long."),
        ({"name": "Taken"}, "already exists"),
        ({"principles": ["magic"]}, "Select a valid choice."),
    ],
)
def test_fault_is_said_and_what_was_typed_stays(admin_client, bilingual, changes, said):
    factories.make_cta(bilingual.site, "Taken")
    page = page_of(bilingual)
    answer = text_of(admin_client.post(page, fields(bilingual, **changes, action="save")))
    assert said in answer
    assert "<script>alert" not in answer
    assert {row.text for row in bilingual.wordings.all()} == {"Sign up", "S\u2019inscrire"}
    kept = TypedCTA.objects.get().content
    assert all(
        kept[name] == (text if isinstance(text, list) else [text]) for name, text in changes.items()
    )


def test_what_is_typed_survives_a_lost_session(client, bilingual):
    person = factories.make_member(bilingual.site, "marketer")
    client.force_login(person)
    live(client, page_of(bilingual), fields(bilingual, wording_en="Join us"))
    client.logout()
    assert "/login/" in client.post(page_of(bilingual), fields(bilingual)).url
    client.force_login(person)
    assert 'value="Join us"' in text_of(client.get(page_of(bilingual)))
    client.post(page_of(bilingual), {"action": "discard"})
    assert 'value="Sign up"' in text_of(client.get(page_of(bilingual)))


def test_tick_takes_a_detected_principle(admin_client, bilingual):
    sent = fields(bilingual, wording_en="Try it for free", action="tick:reward")
    admin_client.post(page_of(bilingual), sent)
    assert TypedCTA.objects.get().content["principles"] == ["clarity", "reward"]
    page = text_of(admin_client.get(page_of(bilingual)))
    assert 'value="reward" checked' in page
    assert 'value="tick:reward"' not in page


def test_another_language_gets_a_field(admin_client, bilingual):
    sent = fields(bilingual, language="pt_br", action="language")
    page = admin_client.post(page_of(bilingual), sent, follow=True)
    assert 'name="wording_pt-BR"' in page.content.decode()
    sent = fields(bilingual, **{"wording_pt-BR": "Entrar"}, action="save")
    admin_client.post(page_of(bilingual), sent)
    assert bilingual.wordings.get(locale="pt-BR").text == "Entrar"
    sent = fields(bilingual, language="<b>", action="language")
    page = admin_client.post(page_of(bilingual), sent, follow=True)
    assert page.content.decode().count('name="wording_') == 3
    assert admin_client.get(f"{page_of(bilingual)}?language=<b>").status_code == 200


def test_save_is_undone_as_long_as_nobody_has_changed_it(admin_client, bilingual):
    page = page_of(bilingual)
    sent = fields(bilingual, wording_en="Join", size="large", tags="spring", action="save")
    admin_client.get(page)
    admin_client.post(page, sent)
    bilingual.refresh_from_db()
    assert (bilingual.size, bilingual.wordings.get(locale="en").text) == ("large", "Join")
    assert 'value="undo"' in text_of(admin_client.get(page))
    admin_client.post(page, {"action": "undo"})
    bilingual.refresh_from_db()
    assert (bilingual.size, bilingual.wordings.get(locale="en").text) == ("medium", "Sign up")
    assert (bilingual.principles, bilingual.tags.count()) == (["clarity"], 0)
    assert 'value="undo"' not in text_of(admin_client.get(page))
    admin_client.post(page, sent)
    CTA.objects.filter(pk=bilingual.pk).update(icon="→")
    answer = admin_client.post(page, {"action": "undo"}, follow=True)
    assert "Not undone: it has changed since." in text_of(answer)
    bilingual.refresh_from_db()
    assert (bilingual.size, bilingual.icon) == ("large", "→")


def test_undo_that_is_impossible_says_why(admin_client, bilingual):
    page = page_of(bilingual)
    admin_client.post(page, fields(bilingual, name="Join", action="save"))
    factories.make_cta(bilingual.site, "Sign up")
    answer = admin_client.post(page, {"action": "undo"}, follow=True)
    assert "already exists" in text_of(answer)
    bilingual.refresh_from_db()
    assert bilingual.name == "Join"


def test_two_people_at_one_cta_lose_nothing(admin_client, bilingual):
    page = page_of(bilingual)
    admin_client.get(page)
    live(admin_client, page, fields(bilingual, wording_en="Mine"))
    CTA.objects.filter(pk=bilingual.pk).update(icon="→")
    bilingual.wordings.filter(locale="en").update(text="Theirs")
    answer = text_of(admin_client.post(page, fields(bilingual, wording_en="Mine", action="save")))
    assert "Somebody else has saved it meanwhile." in answer
    assert "English is “Theirs” now." in answer
    assert 'value="Mine"' in answer
    assert bilingual.wordings.get(locale="en").text == "Theirs"
    bilingual.refresh_from_db()
    admin_client.post(page, fields(bilingual, wording_en="Mine", action="save"))
    bilingual.refresh_from_db()
    assert (bilingual.icon, bilingual.wordings.get(locale="en").text) == ("→", "Mine")


def test_cta_of_a_test_is_shown_and_not_changed(admin_client, running_experiment):
    cta = running_experiment.variants.get(key="b").cta
    page = text_of(admin_client.get(page_of(cta)))
    assert "Locked while the test “hero-test” uses it." in page
    assert 'value="save"' not in page
    assert "hx-post" not in page
    assert ">hero-test b</span>" in page
    answer = admin_client.post(page_of(cta), fields(cta, size="large", action="save"))
    assert "Locked while the test" in text_of(answer)
    cta.refresh_from_db()
    assert cta.size == "medium"


def test_page_names_who_uses_the_cta(admin_client, slot, draft):
    cta = slot.default_cta
    assert f">{slot.name}</a>" in text_of(admin_client.get(page_of(cta)))
    arm = draft.variants.get(key="b").cta
    page = text_of(admin_client.get(page_of(arm)))
    assert reverse("admin:experiments_experiment_report", args=[draft.pk]) in page
    unused = factories.make_cta(slot.site, "Unused")
    assert "Nobody yet" in text_of(admin_client.get(page_of(unused)))


def test_reader_sees_the_page_and_changes_nothing(client, bilingual):
    client.force_login(factories.make_member(bilingual.site, "viewer"))
    page = text_of(client.get(page_of(bilingual)))
    assert 'value="save"' not in page
    assert "Same look" not in page
    assert client.post(page_of(bilingual), fields(bilingual)).status_code == 403
    assert client.get(COMPOSE).status_code == 403
    assert not TypedCTA.objects.exists()


def test_another_site_brings_its_languages_and_colours(admin_client, bilingual):
    other = factories.make_site("rival", default_locale="de", brand_background_color="#14532d")
    assert 'name="wording_en"' not in text_of(admin_client.get(COMPOSE))
    sent = new(bilingual.site, shown="", action="")
    del sent["background_color"], sent["text_color"]
    answer = admin_client.post(COMPOSE, sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == COMPOSE
    assert 'value="#1d4ed8"' in text_of(admin_client.get(COMPOSE))
    sent = new(other, shown=bilingual.site.pk, action="", wording_en="Kept")
    answer = admin_client.post(COMPOSE, sent, headers={"HX-Request": "true"})
    assert answer.headers["HX-Redirect"] == COMPOSE
    page = text_of(admin_client.get(COMPOSE))
    assert 'name="wording_de"' in page
    assert 'value="Kept"' in page
    assert 'name="background_color" value="#14532d"' in page
    same = admin_client.post(COMPOSE, new(other, shown=other.pk), headers={"HX-Request": "true"})
    assert "HX-Redirect" not in same.headers


def test_another_site_than_that_of_the_address_is_kept(admin_client, bilingual):
    other = factories.make_site("rival", default_locale="de")
    admin_client.get(COMPOSE, {"site": bilingual.site_id})
    sent = new(other, shown=bilingual.site.pk, action="")
    answer = admin_client.post(
        f"{COMPOSE}?site={bilingual.site_id}", sent, headers={"HX-Request": "true"}
    )
    assert 'name="wording_de"' in text_of(admin_client.get(answer.headers["HX-Redirect"]))


def test_list_and_its_buttons_lead_to_the_studio(admin_client, bilingual):
    page = admin_client.get(reverse("admin:experiments_cta_changelist")).content.decode()
    assert f'href="{page_of(bilingual)}' in page
    assert f'href="{COMPOSE}' in page
    CTA.objects.all().delete()
    page = admin_client.get(reverse("admin:experiments_cta_changelist")).content.decode()
    assert f'href="{COMPOSE}' in page


def test_page_asks_few_queries_for_a_cta_of_many_tests(
    admin_client, bilingual, django_assert_max_num_queries
):
    slot = factories.make_slot(bilingual.site)
    for number in range(60):
        draft = factories.make_experiment(slot, f"test-{number}")
        draft.variants.filter(arm=1).update(cta=bilingual)
    admin_client.get(page_of(bilingual))
    with django_assert_max_num_queries(30):
        page = text_of(admin_client.get(page_of(bilingual)))
    assert page.count("· b <span") == 50
    assert "These are the latest; there are more." in page


@pytest.mark.parametrize("icon", ["Go", "→→", "x"])
def test_icon_is_one_sign(admin_client, site, icon):
    shown = admin_client.post(COMPOSE, new(site, wording_en="Try it", icon=icon))
    assert "Write one sign or emoji, such as →, or leave it empty." in text_of(shown)
    assert f'name="icon" value="{icon}"' in text_of(shown)
    assert not CTA.objects.exists()


def test_emoji_of_several_characters_is_an_icon(admin_client, site):
    admin_client.post(COMPOSE, new(site, wording_en="Try it", icon="👩🏽\u200d💻"))
    assert CTA.objects.get().icon == "👩🏽\u200d💻"
