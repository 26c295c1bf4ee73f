from experiments.services.learning import ranking_presentation

CONTROL = {
    "text": "Send",
    "is_control": True,
    "score": -0.1,
    "rank": 2,
    "chance": None,
    "lift": None,
    "refusal": None,
    "nearest": [],
}
RIVAL = {
    "text": "Get my guide",
    "is_control": False,
    "score": 0.1,
    "rank": 1,
    "chance": 0.61,
    "lift": {"expected": 0.1, "low": -0.2, "high": 0.5},
    "refusal": None,
    "nearest": [],
}
REFUSED = RIVAL | {
    "text": "<b>",
    "rank": None,
    "chance": None,
    "lift": None,
    "refusal": {"code": "html", "params": {}},
    "nearest": [],
}


def outcome(*wordings, refusal=None, notes=()):
    return {"predictor": 1, "wordings": wordings, "refusal": refusal, "notes": notes}


def test_ranking_is_shown_best_first_and_refused_last():
    shown = ranking_presentation.ranking_in_words(outcome(REFUSED, CONTROL, RIVAL))
    assert [row["text"] for row in shown["wordings"]] == ["Get my guide", "Send", "<b>"]
    assert shown["control"] == "Send"


def test_ranking_says_why_a_wording_has_no_prediction():
    shown = ranking_presentation.ranking_in_words(outcome(CONTROL, REFUSED))
    assert "HTML" in shown["wordings"][1]["reason"]


def test_ranking_says_why_there_is_none_at_all():
    refusal = {"code": "no_predictor", "params": {}}
    shown = ranking_presentation.ranking_in_words(outcome(refusal=refusal))
    assert "no predictor" in shown["no_prediction"]


def test_best_wordings_of_a_long_ranking_are_compared_two_by_two():
    n = 50
    rows = [RIVAL | {"text": f"Get {rank}", "rank": rank} for rank in range(n, 0, -1)]
    chances = [[(at + 1) / (at + other + 2) for other in range(n)] for at in range(n)]
    shown = ranking_presentation.ranking_in_words(outcome(*rows) | {"chances": chances})
    best = ranking_presentation.MOST_COMPARED
    assert [row["text"] for row in shown["pairs"]] == [f"Get {rank}" for rank in range(1, best + 1)]
    assert {len(row["chances"]) for row in shown["pairs"]} == {best}
    # The best stands last in the answer, the second before it.
    assert shown["pairs"][0]["chances"][1] == chances[n - 1][n - 2]
