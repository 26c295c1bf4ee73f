import pytest

from ml import predict

pytestmark = pytest.mark.django_db


def test_scores_are_plain_and_complete(active):
    found = predict.rank_wordings(
        predict.RankingRequest.from_fields(
            {
                "wordings": ["free thing1"],
                "control": "plain thing1",
                "locale": "en",
                "audience": "new",
            }
        )
    )
    assert (found["predictor"], found["strategy"], found["refusal"]) == (1, "tfidf", None)
    control, wording = found["wordings"]
    assert control["is_control"]
    assert wording["rank"] == 1
    assert set(wording["lift"]) == {"expected", "low", "high"}
    assert {"text", "visitors", "clicks", "click_rate", "likeness"} <= set(wording["nearest"][0])
    assert predict.describe(found["notes"][0]).startswith("Held-out tests did not show that")


def test_without_a_predictor_there_is_no_prediction_and_a_reason(model_dir):
    found = predict.rank_wordings(predict.RankingRequest(wordings=("Buy now",), control="Buy"))
    assert (found["predictor"], found["strategy"]) == (None, None)
    assert [wording["text"] for wording in found["wordings"]] == ["Buy", "Buy now"]
    assert predict.describe(found["refusal"]).startswith("No prediction: no predictor is active")
    assert predict.active_summary() is None


def test_summary_shows_the_strategy_that_is_served(active):
    summary = predict.active_summary()
    assert summary["metrics"] == active.manifest["metrics"]["tfidf"]
    assert summary["data"]["groups"] == 60
