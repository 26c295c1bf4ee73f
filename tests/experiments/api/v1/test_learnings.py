from datetime import timedelta

import pytest

from experiments.models import Learning
from experiments.services.archive.keeping import keep_past_tests
from tests.experiments.services.archive.conftest import finish, import_test
from tests.factories import NOW

URL = "/api/v1/learnings/"


@pytest.fixture
def taught(slot):
    for number in range(4):
        arms = ("Get the guide", 4_000, 200), ("Get the guide now", 4_000, 260 + number)
        import_test(slot.site, f"api {number}", *arms)
    finish(slot, "api-won", (2_000, 200), (2_000, 300), outcome="winner")
    keep_past_tests(now=NOW + timedelta(minutes=1))
    return slot.site


def test_server_reads_subjects_learnings_and_record_of_its_site(server, taught, other_site):
    Learning.objects.create(
        site=taught, statement="Hurry", kind="principle", subject="urgency", written_at=NOW
    )
    Learning.objects.create(site=other_site, statement="Secret", written_at=NOW)
    content = server.get(URL).json()
    urgency = next(one for one in content["subjects"] if one["subject"] == "urgency")
    assert (urgency["kind"], urgency["n_tests"], urgency["status"]) == ("principle", 4, "supported")
    # Four tests of +30 % and a little more, shrunken.
    assert 0 < urgency["lift_low"] < urgency["lift"] < 0.3 < urgency["lift_high"]
    (written,) = content["learnings"]
    assert (written["statement"], written["status"]) == ("Hurry", "supported")
    assert (content["track_record"]["n_won"], content["track_record"]["win_rate"]) == (1, 1.0)


def test_person_says_which_site(admin_client, taught):
    assert admin_client.get(URL).json()["field"] == "site"
    assert admin_client.get(URL, {"site": "shop"}).json()["track_record"]["n_decided"] == 1
    assert admin_client.get(URL, {"site": "none"}).status_code == 404
