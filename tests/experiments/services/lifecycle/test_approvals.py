from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, transaction

from experiments.models import Approval, Experiment
from experiments.services.lifecycle.approvals import (
    CannotApproveError,
    answer_approval,
    approval_faults,
    approval_state,
    ask_approval,
)
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.transitions import start_experiment
from tests import factories
from tests.factories import NOW
from tests.threads import in_threads

pytestmark = [pytest.mark.on_both_databases]

State = Approval.State


@pytest.fixture
def draft(site):
    type(site).objects.update(needs_approval=True)
    site.refresh_from_db()
    return factories.make_experiment(factories.make_slot(site))


@pytest.fixture
def ada(draft):
    return factories.make_member(draft.slot.site, "marketer", "ada")


@pytest.fixture
def grace(draft):
    return factories.make_member(draft.slot.site, "marketer", "grace")


def ask(draft, author, *, now=NOW, note=""):
    return ask_approval(experiment=draft, occasion=Occasion(now=now, author=author, note=note))


def answer(approval, author, state=State.APPROVED, *, now=NOW, note=""):
    occasion = Occasion(now=now, author=author, note=note)
    return answer_approval(approval=approval, state=state, occasion=occasion)


def why_not(draft):
    draft = Experiment.objects.select_related("slot__site", "audience").get(pk=draft.pk)
    return list(approval_faults(draft))


@pytest.mark.django_db
def test_site_that_asks_for_none_needs_none(draft):
    type(draft.slot.site).objects.update(needs_approval=False)
    assert why_not(draft) == []


@pytest.mark.django_db
def test_start_is_refused_without_an_approval_and_done_with_one(draft, ada, grace):
    with pytest.raises(CannotStartError, match="second person has to approve"):
        start_experiment(experiment=draft, now=NOW, author=ada)
    request = ask(draft, ada, note="For Monday.")
    with pytest.raises(CannotStartError, match="waits for the approval"):
        start_experiment(experiment=draft, now=NOW, author=ada)
    assert answer(request, grace, note="Fine.")
    assert start_experiment(experiment=draft, now=NOW, author=ada)
    assert [one.kind for one in draft.changes.order_by("pk")] == ["ask", "approve", "start"]


@pytest.mark.django_db
def test_author_does_not_approve(draft, ada):
    request = ask(draft, ada)
    with pytest.raises(CannotApproveError, match="somebody else approves"):
        answer(request, ada)
    with pytest.raises(CannotApproveError, match="not a server"):
        answer(request, None)
    assert why_not(draft) == ["It waits for the approval of a second person."]


@pytest.mark.django_db
def test_whoever_has_edited_it_does_not_approve(draft, ada, grace):
    LogEntry.objects.create(
        user=grace,
        content_type=ContentType.objects.get_for_model(Experiment),
        object_id=str(draft.pk),
        object_repr=str(draft),
        action_flag=CHANGE,
    )
    with pytest.raises(CannotApproveError, match="You have edited this test"):
        answer(ask(draft, ada), grace)


@pytest.mark.django_db
def test_change_after_the_request_or_the_approval_asks_anew(draft, ada, grace):
    request = ask(draft, ada)
    draft.variants.get(key="b").cta.wordings.update(text="Changed")
    with pytest.raises(CannotApproveError, match="changed after you were asked"):
        answer(request, grace)
    second = ask(draft, ada, now=NOW + timedelta(hours=1))
    assert Approval.objects.get(pk=request.pk).state == State.WITHDRAWN
    assert answer(second, grace, now=NOW + timedelta(hours=2))
    assert why_not(draft) == []
    draft.variants.get(key="b").cta.wordings.update(text="Changed again")
    assert why_not(draft) == ["It was changed after its approval: ask again."]
    changed = approval_state(Experiment.objects.get(pk=draft.pk)).changed
    assert [(one.before, one.after) for one in changed] == [("Changed", "Changed again")]


@pytest.mark.django_db
def test_reader_of_a_request_sees_what_is_new_since_the_last_approval(draft, ada, grace):
    answer(ask(draft, ada), grace)
    Experiment.objects.update(name="Renamed")
    ask(Experiment.objects.get(pk=draft.pk), ada, now=NOW + timedelta(hours=1))
    state = approval_state(Experiment.objects.get(pk=draft.pk))
    assert state.is_waiting
    assert [(one.field, one.after) for one in state.changed] == [("name", "Renamed")]


@pytest.mark.django_db
def test_declined_request_keeps_its_reason_and_stops_the_start(draft, ada, grace):
    request = ask(draft, ada)
    assert answer(request, grace, State.DECLINED, note="Too pushy.")
    assert not answer(request, grace)
    assert why_not(draft) == ["Its approval was declined: change it, and ask again."]
    assert Approval.objects.get().answer == "Too pushy."


@pytest.mark.django_db
def test_draft_that_could_not_start_is_not_put_before_anybody(draft, ada):
    draft.variants.filter(key="b").delete()
    with pytest.raises(CannotApproveError, match="at least one other arm"):
        ask(draft, ada)
    running = factories.make_running_experiment(factories.make_slot(draft.slot.site, "footer"), "r")
    with pytest.raises(CannotApproveError, match="Only a draft"):
        ask(running, ada)


@pytest.mark.django_db
def test_database_knows_no_approval_by_the_author(draft, ada):
    request = ask(draft, ada)
    with pytest.raises(IntegrityError), transaction.atomic():
        Approval.objects.filter(pk=request.pk).update(
            state=State.APPROVED, answered_by=ada, answered_at=NOW
        )


@pytest.mark.only_on_postgres
@pytest.mark.django_db(transaction=True)
def test_two_answers_at_once_are_one(draft, ada, grace):
    request = ask(draft, ada)
    answers = in_threads(
        lambda: answer(request, grace), lambda: answer(request, grace, State.DECLINED)
    )
    assert sorted(answers) == [False, True]
    assert draft.changes.exclude(kind="ask").count() == 1
