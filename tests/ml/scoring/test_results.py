from ml.scoring.results import Reason, blank_wording, refuse_all


def test_refusal_of_all_is_said_of_each_wording():
    reason = Reason(code="no_predictor", params={})
    outcome = refuse_all(["Go", "Try"], reason, strategy="tfidf")
    assert (outcome.strategy, outcome.refusal, outcome.notes) == ("tfidf", reason, ())
    assert [each.text for each in outcome.wordings] == ["Go", "Try"]
    assert [each.refusal for each in outcome.wordings] == [reason, reason]
    assert outcome.chances == ((None, None), (None, None))


def test_blank_wording_has_no_prediction():
    wording = blank_wording("Go", None)
    prediction = (wording.score, wording.rank, wording.chance, wording.lift, wording.belief)
    assert prediction == (None,) * 5
    assert not wording.is_control
    assert not wording.is_toss_up
