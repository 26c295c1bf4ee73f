import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from experiments.admin.archive import calendar
from experiments.models import Experiment, Site
from tests import factories
from tests.factories import NOW

PAGE = reverse("admin:experiments_experiment_calendar")


@pytest.fixture(autouse=True)
def at_noon(time_machine):
    time_machine.move_to(NOW, tick=False)


def shown(client, **query):
    return re.sub(r"\s+", " ", client.get(PAGE, query).content.decode())


def drawn_bars(client, **query):
    """The bars of the first picture: kind, days, whether they outline shared days."""
    picture = client.get(PAGE, query).context["rows"][0].picture
    rows = picture.rows
    return [(row["series"], row["from"], row["to"], row.get("shared", False)) for row in rows]


def test_bar_lies_on_its_days(admin_client, slot):
    factories.make_running_experiment(slot, status="stopped", stopped_at=NOW)
    assert drawn_bars(admin_client) == [("Finished", "2026-11-15", "2026-11-23", False)]
    picture = re.search(r'<img src="(/[^"]+wide\.svg)"', shown(admin_client))[1]
    assert "<svg" in admin_client.get(picture).content.decode()


def test_collision_is_drawn_and_written(admin_client, slot):
    live = factories.make_running_experiment(slot, "live", ends_at=NOW + timedelta(days=10))
    factories.make_experiment(slot, "later", starts_at=NOW + timedelta(days=5))
    page = shown(admin_client)
    kinds = [(kind, is_shared) for kind, *_, is_shared in drawn_bars(admin_client)]
    alone, shared = [[("Running", one), ("Planned", one)] for one in (False, True)]
    assert kinds == [*alone, *shared]
    text = "Same audience as “later” on the same days: only one of them can be live."
    assert text in page
    assert "27 Nov 2026 \u2013 2 Dec 2026" in page
    assert reverse("admin:experiments_experiment_report", args=[live.pk]) in page


def test_other_months_are_a_click_away(admin_client, slot):
    factories.make_running_experiment(slot, status="stopped", stopped_at=NOW)
    later = shown(admin_client, **{"from": "2027-03"})
    assert "No test has a day in these months." in later
    assert f'href="{PAGE}?from=2026-09"' in later
    assert "hero-test" in shown(admin_client, **{"from": "2026-09"})


@pytest.mark.parametrize("month", ["nonsense", "2026-13", "9999-12", "0001-01", "3000-01", "-1-1"])
def test_month_that_is_none_shows_a_page(admin_client, slot, month):
    assert admin_client.get(PAGE, {"from": month}).status_code == 200


def test_no_page_is_offered_where_no_test_can_be(admin_client, slot):
    page = shown(admin_client, **{"from": "2000-03"})
    assert "from=1999" not in page
    assert "from=2000-09" in page


def test_person_sees_and_chooses_own_sites_only(client, slot):
    other = factories.make_slot(factories.make_site("other"), "theirs")
    factories.make_running_experiment(slot, "ours")
    factories.make_running_experiment(other, "secret")
    client.force_login(factories.make_member(slot.site, "viewer"))
    assert "secret" not in shown(client, site="other")
    assert "ours" in shown(client, site="other")


def test_site_is_chosen_by_name(admin_client, slot):
    other = factories.make_slot(factories.make_site("other"), "theirs")
    factories.make_running_experiment(slot, "ours")
    factories.make_running_experiment(other, "others-test")
    page = shown(admin_client, site="other")
    assert "others-test" in page
    assert ">ours<" not in page


def test_page_that_would_be_too_long_says_so(admin_client, slot, monkeypatch):
    monkeypatch.setattr(calendar, "MOST", 2)
    for number in range(3):
        factories.make_experiment(slot, f"t{number}", starts_at=NOW + timedelta(days=number))
    assert "Only 2 tests are shown" in shown(admin_client)


@pytest.mark.parametrize(
    ("page", "places"), [("", "ab"), ("2", "c"), ("none", "ab")], ids=["first", "second", "none"]
)
def test_slots_come_in_pages_with_all_their_tests(admin_client, site, monkeypatch, page, places):
    monkeypatch.setattr(calendar, "SLOTS", 2)
    for place in "abc":
        slot = factories.make_slot(site, f"slot-{place}")
        factories.make_running_experiment(slot, f"live-{place}")
        factories.make_experiment(slot, f"draft-{place}", starts_at=NOW)
    html = shown(admin_client, page=page, **{"from": "2026-10"})
    named = re.findall(r">((?:live|draft)-[abc])<", html)
    assert set(named) == {f"{kind}-{place}" for kind in ("live", "draft") for place in places}
    number, other = (2, 1) if page == "2" else (1, 2)
    assert f"Page {number} of 2" in html
    assert f'href="{PAGE}?from=2026-10&amp;page={other}"' in html


def test_queries_do_not_grow_with_the_tests(admin_client, site):
    queries = []
    for number in range(3):
        for place in range(4):
            slot = factories.make_slot(site, f"slot-{number}-{place}")
            factories.make_running_experiment(slot, f"live-{number}-{place}")
            factories.make_experiment(slot, f"draft-{number}-{place}", starts_at=NOW)
        with CaptureQueriesContext(connection) as captured:
            shown(admin_client)
        queries.append(len(captured))
    assert queries[1] == queries[2] <= 20
    assert Site.objects.count() == 1
    assert Experiment.objects.count() == 24


@pytest.mark.parametrize(
    ("language", "months"),
    [("en", ["Sep 2026", "Nov 2026", "Jan 2027"]), ("fr", ["sept. 2026", "nov. 2026"])],
)
def test_months_are_named_as_in_the_reader_s_language(admin_client, slot, language, months):
    factories.make_running_experiment(slot, status="stopped", stopped_at=NOW)
    page = admin_client.get(PAGE, HTTP_ACCEPT_LANGUAGE=language).content.decode()
    address = re.search(r'<img src="(/[^"]+wide\.svg)"', page)[1]
    svg = admin_client.get(address, HTTP_ACCEPT_LANGUAGE=language).content.decode()
    assert all(f">{month}<" in svg for month in months), re.findall(r">([^<]+)</text>", svg)
