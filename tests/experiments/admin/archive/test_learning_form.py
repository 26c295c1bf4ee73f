import pytest
from django.urls import reverse

from experiments.models import Learning, PastTest
from tests import factories
from tests.factories import NOW

ADD = reverse("admin:experiments_learning_add")
SAID = {"statement": "Urgency lowers sign-ups.", "about": "principle:urgency", "note": "N"}


@pytest.fixture
def marketer(site, client):
    person = factories.make_member(site, "marketer")
    client.force_login(person)
    return client


def past_test(site, name="t"):
    return PastTest.objects.create(
        site=site, source="import", name=name, verdict="open", digest=name, kept_at=NOW
    )


def test_learning_keeps_subject_direction_tests_and_author(site, marketer):
    test = past_test(site)
    answer = marketer.post(ADD, SAID | {"site": site.pk, "tests": [test.pk]})
    assert answer.status_code == 302
    kept = Learning.objects.get()
    assert (kept.kind, kept.subject, kept.raises) == ("principle", "urgency", False)
    assert (kept.author.username, list(kept.tests.all())) == ("marketer", [test])


def test_learning_without_a_subject_is_about_its_tests(site, marketer):
    marketer.post(ADD, SAID | {"site": site.pk, "about": "", "raises": "on"})
    kept = Learning.objects.get()
    assert (kept.kind, kept.subject, kept.raises) == ("tests", "", True)


def test_form_of_a_kept_learning_shows_its_subject(site, marketer):
    kept = Learning.objects.create(
        site=site, statement="S", kind="principle", subject="urgency", written_at=NOW
    )
    page = marketer.get(reverse("admin:experiments_learning_change", args=[kept.pk]))
    assert '<option value="principle:urgency" selected>' in page.content.decode()


@pytest.mark.parametrize("about", ["slot:theirs", "principle:magic", "nonsense"])
def test_subject_of_another_site_or_none_is_refused(site, other_site, marketer, about):
    factories.make_slot(other_site, "theirs")
    answer = marketer.post(ADD, SAID | {"site": site.pk, "about": about})
    assert (answer.status_code, Learning.objects.count()) == (200, 0)


def test_person_on_two_sites_cannot_mix_them(site, other_site, admin_client):
    factories.make_slot(other_site, "theirs")
    theirs = past_test(other_site)
    for content in ({"about": "slot:theirs"}, {"tests": [theirs.pk]}):
        answer = admin_client.post(ADD, SAID | {"site": site.pk} | content)
        assert "belong" in answer.content.decode()
    assert Learning.objects.count() == 0


def test_tests_of_another_site_cannot_be_linked(site, other_site, marketer):
    marketer.post(ADD, SAID | {"site": site.pk, "tests": [past_test(other_site).pk]})
    assert Learning.objects.count() == 0
