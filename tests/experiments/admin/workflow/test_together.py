"""Many CTAs changed together: shown before and after, then stored."""

import re

import pytest
from django.urls import reverse

from experiments.models import CTA, Membership, Tag
from tests import factories

LIST = reverse("admin:experiments_cta_changelist")


@pytest.fixture
def ctas(site):
    rows = [factories.make_cta(site, text) for text in ("Go", "Try it")]
    rows[0].tags.add(Tag.objects.create(site=site, name="old"))
    return rows


def page_of(client, ctas):
    sent = {"action": "edit_together", "_selected_action": [cta.pk for cta in ctas]}
    return client.post(LIST, sent).url


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def test_choice_of_the_list_is_shown_and_changed(admin_client, ctas):
    page = page_of(admin_client, ctas)
    assert "0 of 2 chosen CTAs" in text_of(admin_client.get(page))
    sent = {"add_tags": "spring, sale", "remove_tags": ["old"], "size": "large"}
    shown = text_of(admin_client.post(page, sent, headers={"HX-Request": "true"}))
    assert "2 of 2 chosen CTAs change." in shown
    assert "<del>old</del> → <ins>sale, spring</ins>" in shown
    assert "<del>Medium</del> → <ins>Large</ins>" in shown
    assert "<html" not in shown
    assert not CTA.objects.filter(size="large").exists()
    said = text_of(admin_client.post(page, sent | {"action": "apply"}, follow=True))
    assert "2 CTAs changed." in said
    assert set(CTA.objects.values_list("size", flat=True)) == {"large"}
    assert {tag.name for tag in ctas[0].tags.all()} == {"sale", "spring"}


def test_locked_cta_is_named_and_left(admin_client, ctas, running_experiment):
    arm = running_experiment.variants.get(key="b").cta
    page = page_of(admin_client, [*ctas, arm])
    sent = {"add_principles": ["reward"], "action": "show"}
    shown = text_of(admin_client.post(page, sent))
    assert "Locked while the test “hero-test” uses it." in shown
    assert "2 of 3 chosen CTAs change." in shown
    assert 'value="reward" checked' in shown
    said = text_of(admin_client.post(page, sent | {"action": "apply"}, follow=True))
    assert "2 CTAs changed." in said
    assert "1 CTA is as it was." in said
    arm.refresh_from_db()
    assert arm.principles == []


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"add_tags": "x" * 51}, "is too long."),
        ({"size": "huge"}, "Select a valid choice."),
        ({"colours": "own", "text_color": "red"}, "Write a colour as #rrggbb."),
        ({"add_principles": ["magic"]}, "Select a valid choice."),
        ({"remove_tags": ["unknown"]}, "Select a valid choice."),
    ],
)
def test_fault_is_said_and_nothing_changes(admin_client, ctas, sent, said):
    before = list(CTA.objects.order_by("pk").values())
    answer = admin_client.post(page_of(admin_client, ctas), sent | {"action": "apply"})
    assert said in text_of(answer)
    assert list(CTA.objects.order_by("pk").values()) == before


def test_rows_of_sites_without_the_role_are_not_there(client, ctas, other_site):
    foreign = factories.make_cta(other_site, "Foreign")
    person = factories.make_member(ctas[0].site, "marketer")
    Membership.objects.create(user=person, site=other_site, role="viewer")
    client.force_login(person)
    sent = {"action": "edit_together", "_selected_action": [ctas[0].pk, foreign.pk]}
    assert client.post(LIST, sent).status_code == 403
    page = reverse("admin:experiments_cta_together")
    client.post(f"{page}?ids={ctas[0].pk},{foreign.pk}", {"size": "large", "action": "apply"})
    foreign.refresh_from_db()
    ctas[0].refresh_from_db()
    assert (ctas[0].size, foreign.size) == ("large", "medium")
    for ids in ("", "x", "9" * 40, str(foreign.pk)):
        assert client.get(page, {"ids": ids}).url == LIST


def test_too_many_are_refused_and_a_preview_asks_few_queries(
    admin_client, site, django_assert_max_num_queries
):
    ctas = [factories.make_cta(site, f"Go {number}") for number in range(101)]
    sent = {"action": "edit_together", "_selected_action": [cta.pk for cta in ctas]}
    answer = admin_client.post(LIST, sent, follow=True)
    assert "At most 100 CTAs together." in text_of(answer)
    page = page_of(admin_client, ctas[:100])
    with django_assert_max_num_queries(120):
        shown = admin_client.post(page, {"size": "large"}, headers={"HX-Request": "true"})
    assert "100 of 100 chosen CTAs change." in text_of(shown)
