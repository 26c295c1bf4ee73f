import json

from experiments.api.v1.contract.problems import problem, problem_response


def test_body_has_the_status_in_words_and_further_members():
    assert problem(409, "Not now.", reasons=["No arms."]) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "Not now.",
        "reasons": ["No arms."],
    }


def test_answer_without_a_view_has_the_same_body():
    answer = problem_response(403, "Not you.")
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "application/problem+json")
    assert json.loads(answer.content) == problem(403, "Not you.")
