import pytest
from rest_framework.exceptions import NotFound

from experiments.api.v1 import lifecycle
from experiments.api.v1.errors import ANSWERS, WrongStateError, handle
from experiments.models import Experiment
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import CannotScheduleError
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.stats.engine.fields import InvalidRequest

REASONS = ["No arms.", "No audience."]
EXPECTED = {
    CannotStartError(REASONS): (409, {"detail": "No arms. No audience.", "reasons": REASONS}),
    CannotChangeError(REASONS): (400, {"detail": REASONS}),
    CannotScheduleError("ends_at: past"): (400, {"detail": ["ends_at: past"]}),
    InvalidRequest("alpha", "too big"): (400, {"field": "alpha", "detail": "alpha: too big"}),
    WrongStateError(Experiment(status="stopped")): (
        409,
        {"detail": "Not possible while the experiment is stopped."},
    ),
    NotFound("no such slot"): (404, {"detail": "no such slot"}),
}


@pytest.mark.parametrize("error", EXPECTED, ids=lambda error: type(error).__name__)
def test_expected_failure_has_its_answer(error):
    response = handle(error, {})
    assert (response.status_code, response.data) == EXPECTED[error]


def test_every_answer_is_in_the_table_above():
    assert set(ANSWERS) <= {type(error) for error in EXPECTED}


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x")], ids=repr)
def test_fault_of_ours_is_not_dressed_up(error):
    assert handle(error, {}) is None


def test_bare_value_error_in_a_view_is_no_bad_request(server, draft, monkeypatch):
    def fail(**_):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(lifecycle, "set_schedule", fail)
    with pytest.raises(ValueError, match="a fault of ours"):
        server.post(
            f"/api/v1/experiments/{draft.key}/schedule/", {}, content_type="application/json"
        )
