import pytest

from experiments.api.v1.rankings import RankingAnswerSerializer
from experiments.models import Job
from ml import predict

URL = "/api/v1/rankings/"
ASKED = {"wordings": ["Get my guide", "Submit"], "control": "Send", "locale": "en"}


def post(server, **changes):
    return server.post(URL, ASKED | changes, content_type="application/json")


def test_ranking_is_left_to_a_worker_where_no_service_runs(
    server, site, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks(execute=True):
        accepted = post(server)
    assert (accepted.status_code, accepted.json()["ranking"]) == (202, None)
    # Tasks run at once in the tests: without a predictor that is an answer, too.
    answer = server.get(accepted.json()["url"]).json()
    assert answer["status"] == "done"
    ranking = answer["ranking"]
    assert ranking["refusal"]["code"] == "no_predictor"
    assert ranking["refusal"]["message"].startswith("No prediction: no predictor is active.")
    assert [row["text"] for row in ranking["wordings"]] == ["Send", "Get my guide", "Submit"]
    guide = ranking["wordings"][1]
    assert "verb_imperative" in [each["code"] for each in guide["checks"]]
    assert "verb_first" in guide["principles"]
    assert ranking["suggestions"][0]["message"]


def test_ranking_is_answered_at_once_where_the_service_runs(server, site, monkeypatch):
    refusal = {"code": "no_predictor", "params": {}}
    said = {"predictor": None, "wordings": [], "refusal": refusal, "notes": [], "suggestions": []}
    asked = []

    def service(request, **_):
        asked.append(request)
        return said

    monkeypatch.setattr(predict, "ask_scoring_service", service)
    answer = post(server, wordings=["A b", "A b", "C d"], audience="new", placement="footer")
    assert answer.status_code == 200
    assert answer.json()["ranking"]["refusal"]["code"] == "no_predictor"
    fields = {"locale": "en", "audience": "new", "placement": "footer"}
    assert asked == [
        predict.RankingRequest.from_fields(
            {"wordings": ["A b", "C d"], "control": "Send", **fields}
        )
    ]


def test_answer_has_the_fields_of_the_document(server, site):
    url = post(server).json()["url"]
    assert server.get(url).json().keys() == RankingAnswerSerializer().fields.keys()


def test_ranking_is_hidden_from_other_sites(server, other_server, site):
    url = post(server).json()["url"]
    assert server.get(url).status_code == 200
    assert other_server.get(url).status_code == 404


def test_training_is_no_ranking(server, site):
    job = Job.objects.create(
        kind="training", created_at="2026-11-22T12:00Z", heartbeat_at="2026-11-22T12:00Z"
    )
    assert server.get(f"{URL}{job.pk}/").status_code == 404


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"wordings": []}, "wordings"),
        ({"wordings": ["x" * 10_000]}, "wordings"),
        ({"wordings": ["a"] * 51}, "wordings"),
        ({"wordings": "text"}, "wordings"),
        ({"control": ""}, "control"),
        ({"form": "banner"}, "form"),
    ],
    ids=["none", "long", "many", "no list", "no control", "form"],
)
def test_request_that_cannot_be_ranked_names_the_field(server, site, changes, field):
    answer = post(server, **changes)
    assert answer.status_code == 400
    assert answer.json()["field"].split(".")[0] == field
    assert not Job.objects.exists()


def test_rankings_are_closed_to_strangers(client, site):
    assert client.post(URL, ASKED, content_type="application/json").status_code == 401
