import pytest
from django.test import Client

from experiments.models import Approval
from tests import factories

EXPERIMENT = "/api/v1/experiments/hero-test/"


@pytest.fixture
def draft(site):
    type(site).objects.update(needs_approval=True)
    return factories.make_experiment(factories.make_slot(site))


def person(draft, name):
    client = Client()
    client.force_login(factories.make_member(draft.slot.site, "marketer", name))
    return client


def post(client, step, content=None):
    return client.post(f"{EXPERIMENT}{step}/", content or {}, content_type="application/json")


def test_server_asks_and_a_person_answers(server, draft):
    assert post(server, "start").status_code == 409
    asked = post(server, "ask-approval", {"note": "From the pipeline."})
    assert asked.status_code == 200, asked.json()
    body = asked.json()
    assert (body["needed"], body["holds"], body["request"]["state"]) == (True, False, "waiting")
    assert {"row": "arm:b", "field": "share", "value": "0.5"} in body["content"]
    refused = post(server, "answer-approval", {"approve": True})
    assert (refused.status_code, refused.json()["reasons"]) == (
        409,
        ["A person approves, not a server."],
    )
    answered = post(person(draft, "grace"), "answer-approval", {"approve": True, "note": "Go."})
    assert answered.json()["holds"] is True
    assert answered.json()["request"]["answered_by"] == "grace"
    assert post(server, "start").json()["status"] == "running"


def test_author_and_second_answers_are_refused(draft):
    ada = person(draft, "ada")
    assert post(ada, "answer-approval", {"approve": True}).status_code == 409
    post(ada, "ask-approval")
    own = post(ada, "answer-approval", {"approve": True})
    assert own.status_code == 409
    assert own.json()["reasons"] == ["You have asked for it: somebody else approves."]
    grace = person(draft, "grace")
    assert post(grace, "answer-approval", {"approve": False}).status_code == 200
    assert post(grace, "answer-approval", {"approve": True}).status_code == 409
    assert Approval.objects.get().state == "declined"


@pytest.mark.parametrize("content", [{}, {"approve": "maybe"}, {"approve": True, "other": 1}])
def test_answer_needs_its_fields(draft, content):
    post(person(draft, "ada"), "ask-approval")
    assert post(person(draft, "grace"), "answer-approval", content).status_code == 400
