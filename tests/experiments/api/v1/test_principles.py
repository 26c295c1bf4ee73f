from experiments.models import HistoryArm
from tests.ml.factories import arm_row

URL = "/api/v1/principles/"
COLUMNS = ("test", "context", "text", "visitors", "clicks", "audience", "locale")


def add_history(site):
    """Ten tests in which a gift wins."""
    rows = [
        arm_row(f"t{number}", text, 5_000, clicks, locale="en", audience="new")
        for number in range(10)
        for text, clicks in [(f"Get gift {number}", 400), (f"Get letter {number}", 250)]
    ]
    HistoryArm.objects.bulk_create(
        HistoryArm(site=site, digest=str(at), **{name: getattr(row, name) for name in COLUMNS})
        for at, row in enumerate(rows)
    )


def reward(answer):
    return next(each for each in answer.json()["traits"] if each["trait"] == "reward")


def test_principles_are_those_of_the_own_site(server, other_server, site):
    add_history(site)
    mine, theirs = server.get(URL), other_server.get(URL)
    assert (mine.json()["tests"], theirs.json()["tests"]) == (10, 0)
    assert reward(mine)["low"] > 0
    assert reward(mine)["name"] == "Reward"
    assert reward(theirs)["lift"] is None


def test_principles_can_be_asked_of_a_language_or_an_audience(server, site):
    add_history(site)
    for query, tests in [
        ({"locale": "en-GB"}, 10),
        ({"locale": "fr"}, 0),
        ({"audience": "new"}, 10),
        ({"audience": "old"}, 0),
    ]:
        assert server.get(URL, query).json()["tests"] == tests


def test_principles_are_closed_to_strangers(client, site):
    assert client.get(URL).status_code == 401


def test_principles_cannot_be_written(server, site):
    assert server.post(URL).status_code == 405
