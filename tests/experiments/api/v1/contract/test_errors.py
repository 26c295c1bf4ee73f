import pytest
from rest_framework.exceptions import NotFound, ValidationError

from experiments.api.v1.contract.errors import ANSWERS, WrongStateError, handle
from experiments.api.v1.lifecycle import traffic
from experiments.models import Experiment
from experiments.services.catalogue.editing import (
    AlreadyThereError,
    CannotSaveError,
    LockedError,
)
from experiments.services.lifecycle.approvals import CannotApproveError
from experiments.services.lifecycle.decisions import (
    CannotDecideError,
    CannotUndoError,
    SlotChangedError,
)
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import CannotScheduleError
from experiments.services.lifecycle.traffic_allocation import CannotChangeError
from experiments.services.operations.visitor_erasure import NotErasedError
from experiments.services.operations.visitor_export import NotExportedError
from experiments.stats.engine.fields import InvalidRequest

REASONS = ["No arms.", "No audience."]
NESTED = {"steps": [{}, {"coverage": ["Too much."]}], "note": ["Too long."]}
# Status, title, detail, further members.
EXPECTED = {
    CannotStartError(REASONS): (409, "No arms. No audience.", {"reasons": REASONS}),
    CannotChangeError(REASONS): (400, "No arms. No audience.", {"reasons": REASONS}),
    CannotScheduleError("ends_at", "past"): (400, "ends_at: past", {"field": "ends_at"}),
    CannotDecideError(REASONS): (400, "No arms. No audience.", {"reasons": REASONS}),
    SlotChangedError(REASONS): (409, "No arms. No audience.", {"reasons": REASONS}),
    CannotUndoError("Too late."): (409, "Too late.", {}),
    CannotApproveError(REASONS): (409, "No arms. No audience.", {"reasons": REASONS}),
    NotErasedError("Redis is silent."): (503, "Redis is silent.", {}),
    NotExportedError("Redis is silent."): (503, "Redis is silent.", {}),
    InvalidRequest("alpha", "too big"): (400, "alpha: too big", {"field": "alpha"}),
    WrongStateError(Experiment(status="stopped")): (
        409,
        "Not possible while the experiment is stopped.",
        {},
    ),
    NotFound("no such slot"): (404, "no such slot", {}),
    ValidationError(NESTED): (
        400,
        "steps.1.coverage: Too much.",
        {
            "field": "steps.1.coverage",
            "errors": {"steps.1.coverage": ["Too much."], "note": ["Too long."]},
        },
    ),
    CannotSaveError({"name": ["Too long."], "": ["Odd."]}): (
        400,
        "name: Too long.",
        {"field": "name", "errors": {"name": ["Too long."], "": ["Odd."]}},
    ),
    LockedError("In use."): (409, "In use.", {}),
    AlreadyThereError({"key": "hero"}): (
        409,
        "There is one with this key or name already.",
        {"existing": {"key": "hero"}},
    ),
    ValidationError({"non_field_errors": ["Say one."]}): (
        400,
        "Say one.",
        {"errors": {"": ["Say one."]}},
    ),
    # A field of the request may have the name that the framework gives its own sentence.
    ValidationError({"detail": ["Unknown."]}): (
        400,
        "detail: Unknown.",
        {"field": "detail", "errors": {"detail": ["Unknown."]}},
    ),
}
TITLES = {400: "Bad Request", 404: "Not Found", 409: "Conflict", 503: "Service Unavailable"}


@pytest.mark.parametrize("error", EXPECTED, ids=lambda error: type(error).__name__)
def test_expected_failure_is_a_problem(error):
    status, detail, members = EXPECTED[error]
    response = handle(error, {})
    assert (response.status_code, response.content_type) == (status, "application/problem+json")
    head = {"type": "about:blank", "title": TITLES[status], "status": status, "detail": detail}
    assert response.data == head | members


def test_every_answer_is_in_the_table_above():
    assert set(ANSWERS) <= {type(error) for error in EXPECTED}


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("x")], ids=repr)
def test_fault_of_ours_is_not_dressed_up(error):
    assert handle(error, {}) is None


def test_bare_value_error_in_a_view_is_no_bad_request(server, draft, monkeypatch):
    def fail(**_):
        raise ValueError("a fault of ours")

    monkeypatch.setattr(traffic, "set_schedule", fail)
    url = f"/api/v1/experiments/{draft.key}/schedule/"
    with pytest.raises(ValueError, match="a fault of ours"):
        server.post(url, {"ends_at": None}, content_type="application/json")
