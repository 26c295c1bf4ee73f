from datetime import timedelta

import pytest

from experiments.services.archive.keeping import keep_past_tests
from tests import factories
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW

URL = "/api/v1/past-tests/"


@pytest.fixture
def archive(slot, other_site):
    finish(slot, "won", (1_000, 60), (1_000, 150), outcome="winner")
    import_test(slot.site, "t", ("Réserver", 1_000, 90), ("Free now", 1_000, 80))
    finish(factories.make_slot(other_site), "secret", (1_000, 60), (1_000, 150))
    keep_past_tests(now=NOW + timedelta(minutes=1))


def test_server_reads_its_own_sites_tests_page_by_page(server, archive):
    first = server.get(URL, {"limit": 1}).json()
    second = server.get(first["next"]).json()
    assert first["count"] == 2
    assert [first["results"][0]["name"], second["results"][0]["name"]] == ["won", "t"]


def test_entry_has_figures_wordings_and_what_they_use(server, archive):
    won, imported = server.get(URL).json()["results"]
    assert (won["experiment"], won["slot"], won["verdict"]) == ("won", "hero", "winner")
    assert won["lift"] == pytest.approx(1.5)
    assert [arm["is_control"] for arm in won["arms"]] == [True, False]
    assert (imported["lift"], imported["experiment"], imported["slot"]) == (None, None, None)
    assert imported["principles"] == ["reward", "urgency"]
    assert "log" not in imported["arms"][0]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"verdict": "winner"}, ["won"]),
        ({"source": "import"}, ["t"]),
        ({"slot": "hero"}, ["won"]),
        ({"principle": "urgency"}, ["t"]),
        ({"q": "reserver"}, ["t"]),
        ({"ended_from": "2026-11-22", "ended_to": "2026-11-22"}, ["won"]),
        ({"site": "rival"}, []),
        ({"tag": "none"}, []),
        ({"audience": "none"}, []),
    ],
    ids=str,
)
def test_filters_leave_what_was_asked_for(server, archive, query, names):
    assert [row["name"] for row in server.get(URL, query).json()["results"]] == names


def test_last_day_before_the_first_is_refused_by_name(server, archive):
    days = {"ended_from": "2026-11-23", "ended_to": "2026-11-22"}
    answer = server.get(URL, days)
    assert answer.status_code == 400
    assert "must not be before ended_from" in str(answer.json())
    assert "ended_to" in str(answer.json())


@pytest.mark.parametrize(
    "query", [{"verdict": "x"}, {"ended_from": "x"}, {"principle": "x"}, {"limit": 0}], ids=str
)
def test_query_that_makes_no_sense_is_refused(server, archive, query):
    assert server.get(URL, query).status_code == 400


def test_stranger_reads_nothing(client, archive):
    assert client.get(URL).status_code in (401, 403)
