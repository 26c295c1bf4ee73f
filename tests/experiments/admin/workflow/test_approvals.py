import re

import pytest
from django.contrib.messages import get_messages
from django.test import Client
from django.urls import reverse

from experiments.models import Approval, Experiment
from tests import factories


@pytest.fixture
def draft(site):
    type(site).objects.update(needs_approval=True)
    return factories.make_experiment(factories.make_slot(site))


@pytest.fixture
def client_of(draft):
    def client_of(name, role="marketer"):
        client = Client()
        client.force_login(factories.make_member(draft.slot.site, role, name))
        return client

    return client_of


def page_of(name, draft):
    return reverse(f"admin:experiments_experiment_{name}", args=[draft.pk])


def text_of(answer):
    return re.sub(r"\s+", " ", answer.content.decode())


def post(client, draft, action, **content):
    asked = draft.approvals.first()
    sent = {"action": action, "approval": asked.pk if asked else "", **content}
    return client.post(page_of("approval", draft), sent, follow=True)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def start(client, draft):
    answer = client.post(reverse("admin:experiments_experiment_step", args=[draft.pk, "start"]))
    draft.refresh_from_db()
    return draft.status, answer


def test_test_goes_from_request_over_approval_to_start(draft, client_of):
    ada, grace = client_of("ada"), client_of("grace")
    page = text_of(ada.get(page_of("report", draft)))
    assert "A second person has to approve this test" in page
    assert start(ada, draft)[0] == "draft"
    page = text_of(post(ada, draft, "ask", note="For Monday, please."))
    assert "Waits for the approval of a second person" in page
    assert "For Monday, please." in page
    assert "You have asked for it: somebody else approves." in page

    home = text_of(grace.get(reverse("admin:index")))
    assert "Waits for the approval of a second person" in home
    page = text_of(grace.get(page_of("approval", draft)))
    assert "<td>Wording of arm b (en)</td>" in page
    assert 'value="approve"' in page
    page = text_of(post(grace, draft, "approve", note="Go."))
    assert "Approved: it can start" in page
    assert start(ada, draft)[0] == "running"
    assert "approval-title" not in text_of(ada.get(page_of("report", draft)))


def test_what_changed_is_shown_before_and_after(draft, client_of):
    ada, grace = client_of("ada"), client_of("grace")
    post(ada, draft, "ask")
    post(grace, draft, "approve")
    draft.variants.get(key="b").cta.wordings.update(text="<b>Now</b>")
    page = text_of(ada.get(page_of("report", draft)))
    assert "Changed after its approval" in page
    assert "<ins>&lt;b&gt;Now&lt;/b&gt;</ins>" in page
    assert start(ada, draft)[0] == "draft"


def test_own_request_has_no_button_to_approve_and_none_that_works(draft, client_of):
    ada = client_of("ada")
    post(ada, draft, "ask")
    page = text_of(ada.get(page_of("approval", draft)))
    assert 'value="approve"' not in page
    assert 'value="withdraw"' in page
    assert said(post(ada, draft, "approve")) == ["You have asked for it: somebody else approves."]
    assert Approval.objects.get().state == "waiting"


def test_second_answer_says_that_the_first_stands(draft, client_of):
    post(client_of("ada"), draft, "ask")
    post(client_of("grace"), draft, "decline", note="Too pushy.")
    answer = post(client_of("linus"), draft, "approve")
    assert said(answer) == ["Somebody has answered it already."]
    assert "Too pushy." in text_of(answer)


@pytest.mark.parametrize(
    ("role", "action", "status"),
    [("viewer", "ask", 403), ("analyst", "approve", 403), ("marketer", "nonsense", 403)],
)
def test_others_do_nothing(draft, client_of, role, action, status):
    assert (
        client_of("eve", role).post(page_of("approval", draft), {"action": action}).status_code
        == status
    )
    assert Approval.objects.count() == 0


@pytest.mark.parametrize("number", ["", "x", "999", "9" * 30, "-1"])
def test_request_that_is_not_there_is_not_found(draft, client_of, number):
    sent = {"action": "approve", "approval": number}
    assert client_of("grace").post(page_of("approval", draft), sent).status_code == 404


def test_site_without_the_switch_shows_no_card(draft, client_of):
    type(draft.slot.site).objects.update(needs_approval=False)
    ada = client_of("ada")
    assert "approval-title" not in text_of(ada.get(page_of("report", draft)))
    assert ada.get(page_of("approval", draft)).status_code == 302
    assert start(ada, draft)[0] == Experiment.Status.RUNNING
