import pytest
from django.urls import reverse

from experiments.admin.archive.filters import EndedFilter
from experiments.models import PastTest, Tag

URL = reverse("admin:experiments_pasttest_changelist")


def listed(client, **query):
    page = client.get(URL, query)
    return sorted(test.name for test in page.context["cl"].result_list)


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["newsletter", "undecided", "won"]),
        ({"verdict__exact": "winner"}, ["won"]),
        ({"source__exact": "import"}, ["newsletter"]),
        ({"audience": "french"}, ["undecided"]),
        ({"principle": "scarcity"}, ["newsletter"]),
        ({"principle": "nonsense"}, []),
        ({"year": "2025"}, ["newsletter"]),
        ({"year": "2026"}, ["undecided", "won"]),
        ({"ended_from": "2026-01-01"}, ["undecided", "won"]),
        ({"ended_to": "2026-01-01"}, ["newsletter"]),
        ({"ended_from": "2026-11-22", "ended_to": "2026-11-22"}, ["undecided", "won"]),
        ({"ended_from": "", "ended_to": ""}, ["newsletter", "undecided", "won"]),
        ({"year": "x"}, []),
        ({"year": "99999999999999999999"}, []),
        ({"q": "reserver PLACE"}, ["newsletter"]),
        ({"q": "réserver secret"}, []),
        ({"q": "won"}, ["won"]),
    ],
    ids=str,
)
def test_list_shows_what_passes_the_filters(archive, site_viewer, query, names):
    assert listed(site_viewer, **query) == names


def test_tag_of_a_cta_is_a_filter_and_one_of_another_site_is_not(archive, site_viewer):
    PastTest.objects.filter(name="won").update(tags="\nspring sale\n")
    Tag.objects.create(site=archive, name="spring sale")
    Tag.objects.create(site=PastTest.objects.get(name="secret").site, name="hidden plan")
    assert listed(site_viewer, tag="spring sale") == ["won"]
    page = site_viewer.get(URL).content.decode()
    assert "spring sale" in page
    assert "hidden plan" not in page


@pytest.mark.parametrize(
    ("query", "problem"),
    [
        ({"ended_from": "22/11/2026"}, "From: Write a day as 2026-03-31."),
        ({"ended_to": "2026-02-30"}, "To: Write a day as 2026-03-31."),
        (
            {"ended_from": "2026-11-23", "ended_to": "2026-11-22"},
            "To: The last day is before the first.",
        ),
    ],
    ids=str,
)
def test_days_that_cannot_be_are_named_above_an_empty_list(archive, site_viewer, query, problem):
    assert listed(site_viewer, **query) == []
    page = site_viewer.get(URL, query).content.decode()
    assert f'<p class="cta-alarm" role="alert">{problem}</p>' in page
    assert f'value="{next(iter(query.values()))}"' in page


def test_choosing_days_keeps_the_other_filters_and_the_search(archive, site_viewer):
    query = {"verdict__exact": "winner", "q": "won", "ended_to": "2020-01-01", "p": "1"}
    page = site_viewer.get(URL, query)
    (spec,) = [one for one in page.context["cl"].filter_specs if isinstance(one, EndedFilter)]
    (choice,) = spec.choices(page.context["cl"])
    assert choice["others"] == [("verdict__exact", "winner"), ("q", "won")]
    assert choice["everything"] == "?q=won&verdict__exact=winner"


@pytest.fixture
def site_viewer(viewer_client):
    return viewer_client
