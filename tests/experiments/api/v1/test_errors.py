from rest_framework.exceptions import NotFound

from experiments.api.v1.errors import handle
from experiments.services.lifecycle.readiness import CannotStartError


def test_refused_start_is_a_conflict_with_reasons():
    response = handle(CannotStartError(["No arms.", "No audience."]), {})
    assert response.status_code == 409
    assert response.data == {
        "detail": "No arms. No audience.",
        "reasons": ["No arms.", "No audience."],
    }


def test_failures_of_the_framework_keep_their_answer():
    assert handle(NotFound(), {}).status_code == 404


def test_fault_of_ours_is_not_dressed_up():
    assert handle(KeyError("x"), {}) is None
