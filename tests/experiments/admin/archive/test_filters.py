import pytest
from django.urls import reverse

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


@pytest.fixture
def site_viewer(viewer_client):
    return viewer_client
