import re
from datetime import timedelta

import pytest
from django.urls import reverse

from experiments.models import Experiment, Learning, PastTest
from experiments.services.archive.keeping import keep_past_tests
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW

URL = reverse("admin:experiments_learning_shown")


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


@pytest.fixture
def taught(slot):
    for number in range(12):
        arms = ("Get the guide", 4_000, 200), ("Get the guide now", 4_000, 260 + number)
        import_test(slot.site, f"newsletter {number}", *arms)
    finish(slot, "won", (2_000, 200), (2_000, 300), outcome="winner")
    keep_past_tests(now=NOW + timedelta(minutes=1))
    return slot.site


def row_of(page, name):
    return page.split(f"<strong>{name}</strong>")[1].split("</tr>")[0]


def test_page_shows_each_subject_with_status_figures_and_tests(taught, viewer_client):
    page = text_of(viewer_client.get(URL))
    urgency = row_of(page, "Urgency")
    assert "Confirmed" in urgency
    assert '<td class="cta-number">12</td>' in urgency
    assert "newsletter 9" in urgency
    # The average of +30 % to +35.5 %, hardly shrunken.
    lift = re.search(r'cta-number">\+(\d+\.\d)%', urgency)
    assert 28 < float(lift[1]) < 34
    assert "Emerging" in row_of(page, "Hero")


def test_all_tests_of_a_principle_are_one_click_away(taught, viewer_client):
    link = reverse("admin:experiments_pasttest_changelist") + "?principle=urgency"
    assert link in text_of(viewer_client.get(URL))
    assert viewer_client.get(link).context["cl"].result_count == 12


def test_track_record_is_shown(taught, viewer_client):
    page = text_of(viewer_client.get(URL))
    assert "Track record" in page
    assert "100%" in page.split("Track record")[1]
    assert "+25% and above" in page


def test_track_record_is_grouped_by_the_choice_in_the_address(taught, viewer_client, owner):
    Experiment.objects.update(owner=owner)
    page = text_of(viewer_client.get(URL))
    assert f"{URL}?site={taught.key}&amp;by=person#track-record" in page
    assert "Average lift, as measured" not in page
    shown = text_of(viewer_client.get(URL, {"site": taught.key, "by": "person"}))
    table = shown.split("Average lift, as measured")[1].split("</table>")[0]
    assert f'<th scope="row"> {owner.username} </th> <td class="cta-number">1</td>' in table
    assert "+50.0%" in table
    assert "without a tag" in text_of(viewer_client.get(URL, {"by": "tag"}))


def test_unknown_grouping_shows_all_tests_together(taught, viewer_client):
    page = text_of(viewer_client.get(URL, {"by": "planet"}))
    assert "Average lift, as measured" not in page


def test_written_learning_carries_the_status_that_all_tests_propose(taught, viewer_client):
    claim = Learning.objects.create(
        site=taught,
        statement="Urgency scares people off.",
        kind="principle",
        subject="urgency",
        raises=False,
        written_at=NOW,
    )
    claim.tests.set(PastTest.objects.filter(name="newsletter 0"))
    written = text_of(viewer_client.get(URL)).split("Written by the team")[1].split("</section>")[0]
    assert "Refuted" in written
    assert "12 tests, average lift" in written
    assert "newsletter 0" in written


def test_site_without_tests_says_what_to_do(site, viewer_client):
    page = text_of(viewer_client.get(URL))
    assert "Finish experiments, or import past tests with several wordings each." in page
    assert "No finished experiment compares new wordings with a control yet." in page


def test_other_sites_are_neither_offered_nor_shown(taught, other_site, viewer_client):
    Learning.objects.create(site=other_site, statement="Secret plan", written_at=NOW)
    page = text_of(viewer_client.get(URL, {"site": other_site.key}))
    assert "Secret plan" not in page
    assert "Confirmed" in page
    assert "Rival" not in page


def test_owner_of_two_sites_chooses(taught, other_site, admin_client):
    Learning.objects.create(site=other_site, statement="Their plan", written_at=NOW)
    assert "Their plan" in text_of(admin_client.get(URL, {"site": "rival"}))
    assert "Their plan" not in text_of(admin_client.get(URL, {"site": "shop"}))


def test_installation_without_a_site_has_a_page(admin_client):
    assert admin_client.get(URL).status_code == 200


def test_queries_do_not_grow_with_the_tests(taught, admin_client, django_assert_max_num_queries):
    with django_assert_max_num_queries(25):
        admin_client.get(URL)


@pytest.mark.parametrize("language", ["en", "fr"])
def test_page_of_many_subjects_is_below_300_kb(taught, admin_client, language):
    page = admin_client.get(URL, headers={"accept-language": language}).content
    assert len(page) < 300_000
