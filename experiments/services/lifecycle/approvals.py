"""Approval of drafts by a second person: asking, answering, and whether one holds."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.utils.translation import gettext as _

from experiments.models import Approval, Edit, Experiment
from experiments.selectors.lifecycle import locked_draft
from experiments.services.edits.row_content import Difference, Entry, differences
from experiments.services.lifecycle.change_log import Kind, Occasion, record
from experiments.services.lifecycle.plan_content import plan_content
from experiments.services.lifecycle.readiness import readiness_faults

State = Approval.State
KINDS = {State.APPROVED: Kind.APPROVE, State.DECLINED: Kind.DECLINE, State.WITHDRAWN: Kind.WITHDRAW}


class CannotApproveError(Exception):
    """It cannot be asked for or answered; `reasons` are sentences for the person."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = list(reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalState:
    """State of a draft's approval.

    Attributes:
        latest: The last request that was not withdrawn; None without one.
        content: The draft as it is now.
        changed: What has changed since the last request; since the last approved one while it
            waits, so that its reader sees what is new.
    """

    latest: Approval | None
    content: list[Entry]
    changed: list[Difference]

    @property
    def is_waiting(self) -> bool:
        return self.latest is not None and self.latest.state == State.WAITING

    @property
    def holds(self) -> bool:
        """Return whether the draft, as it is now, is approved."""
        latest = self.latest
        return latest is not None and latest.state == State.APPROVED and not self.changed


def approval_state(draft: Experiment) -> ApprovalState:
    """Return where the approval of a draft stands."""
    content = plan_content(draft)
    rows = list(draft.approvals.exclude(state=State.WITHDRAWN).select_related("asked_by"))
    latest = rows[0] if rows else None
    compared = latest
    if latest is not None and latest.state == State.WAITING:
        compared = next((row for row in rows if row.state == State.APPROVED), None)
    before = content if compared is None else content_of(compared)
    return ApprovalState(latest=latest, content=content, changed=differences(before, content))


def approval_faults(draft: Experiment) -> Iterator[str]:
    """Yield why a draft may not start for want of an approval; nothing if it may."""
    if not draft.slot.site.needs_approval:
        return
    state = approval_state(draft)
    if state.holds:
        return
    if state.latest is None:
        yield _("A second person has to approve it first: ask for an approval.")
    elif state.is_waiting:
        yield _("It waits for the approval of a second person.")
    elif state.latest.state == State.DECLINED:
        yield _("Its approval was declined: change it, and ask again.")
    else:
        yield _("It was changed after its approval: ask again.")


@transaction.atomic
def ask_approval(*, experiment: Experiment, occasion: Occasion) -> Approval:
    """Ask for the approval of a draft as it is now; a request that waits is withdrawn.

    One that waits is returned if its author asks for the same again.

    Raises:
        CannotApproveError: If it is not a draft, or not ready to start.
    """
    draft = locked_draft(experiment)
    if draft.status != Experiment.Status.DRAFT:
        raise CannotApproveError([_("Only a draft is approved.")])
    if faults := readiness_faults(draft):
        raise CannotApproveError(faults)
    content = plan_content(draft)
    for waiting in draft.approvals.filter(state=State.WAITING, note=occasion.note):
        asker = (waiting.asked_by, waiting.server_key)
        is_own = asker == (occasion.author, occasion.server_key)
        if is_own and not differences(content_of(waiting), content):
            return waiting
    draft.approvals.filter(state=State.WAITING).update(
        state=State.WITHDRAWN, answered_at=occasion.now
    )
    approval = Approval.objects.create(
        experiment=draft,
        content=content,
        asked_at=occasion.now,
        asked_by=occasion.author,
        server_key=occasion.server_key,
        note=occasion.note,
    )
    record(draft, Kind.ASK, occasion)
    return approval


@transaction.atomic
def answer_approval(*, approval: Approval, state: str, occasion: Occasion) -> bool:
    """Approve, decline or withdraw a request; return False if it was answered already.

    Args:
        approval: The request that the person saw.
        state: A final state of `Approval.State`.
        occasion: Time and person; its note is the answer.

    Raises:
        CannotApproveError: If the person may not answer it, or the draft has changed since.
    """
    draft = locked_draft(approval.experiment)
    fresh = Approval.objects.select_related("asked_by").get(pk=approval.pk)
    if fresh.state != State.WAITING:
        return False
    if state == State.APPROVED:
        _check(draft, fresh, occasion.author)
    fresh.state, fresh.answer = state, occasion.note
    fresh.answered_at, fresh.answered_by = occasion.now, occasion.author
    fresh.save(update_fields=["state", "answer", "answered_at", "answered_by"])
    record(draft, KINDS[State(state)], occasion)
    approval.state = fresh.state
    return True


def refusal_for(draft: Experiment, approval: Approval, person: Any) -> str:
    """Return why a person may not approve; empty if they may."""
    if person is None:
        return _("A person approves, not a server.")
    if approval.asked_by_id == person.pk:
        return _("You have asked for it: somebody else approves.")
    if person.pk in _editors(draft):
        return _("You have edited this test: somebody else approves.")
    return ""


def content_of(approval: Approval) -> list[Entry]:
    """Return the content that a request is about."""
    return [Entry(*row) for row in approval.content]


def _check(draft: Experiment, approval: Approval, person: Any) -> None:
    if reason := refusal_for(draft, approval, person):
        raise CannotApproveError([reason])
    if differences(content_of(approval), plan_content(draft)):
        raise CannotApproveError([_("It was changed after you were asked: look again.")])


def _editors(draft: Experiment) -> set[int]:
    """Return the people who have made or edited the draft since the last approval.

    The forms' own log has what was edited before edits were kept field by field.
    """
    kind = ContentType.objects.get_for_model(Experiment)
    rows = LogEntry.objects.filter(content_type=kind, object_id=str(draft.pk))
    last = draft.approvals.filter(state=State.APPROVED).first()
    edits = Edit.objects.filter(kind=Experiment._meta.model_name, row=draft.pk)
    if last is not None:
        rows = rows.filter(action_time__gt=last.answered_at)
        edits = edits.filter(at__gt=last.answered_at)
    authors = edits.exclude(author=None).values_list("author_id", flat=True)
    return {*rows.values_list("user_id", flat=True), *authors}
