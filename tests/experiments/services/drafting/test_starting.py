from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.models import CTA, Experiment
from experiments.services.drafting.keeping import open_row
from experiments.services.drafting.starting import Way, finish
from experiments.services.lifecycle.change_log import Occasion
from experiments.services.lifecycle.readiness import CannotStartError
from experiments.services.lifecycle.schedules import CannotScheduleError
from tests.factories import NOW


@pytest.fixture
def typed(owner):
    return open_row(person=owner, now=NOW)


def end(typed, choices, way=Way.START):
    return finish(typed=typed, choices=choices, way=way, occasion=Occasion(now=NOW))


def test_two_clicks_make_one_start(typed, choices):
    first, second = end(typed, choices), end(typed, choices)
    assert first == second
    assert first.status == "running"
    assert first.changes.count() == 1


def test_refused_start_leaves_nothing_behind(typed, choices):
    before = CTA.objects.count()
    with pytest.raises(CannotStartError):
        end(typed, replace(choices, gaps=("A text is missing.",)))
    assert CTA.objects.count() == before
    assert not Experiment.objects.exists()
    assert end(typed, choices).status == "running"


def test_planned_start_and_kept_draft(typed, choices, owner):
    asked = replace(choices, starts_at=NOW + timedelta(days=1))
    planned = end(typed, asked, Way.SCHEDULE)
    assert (planned.status, planned.starts_at) == ("draft", asked.starts_at)
    # The next one is another row.
    other = open_row(person=owner, now=NOW)
    assert end(other, replace(choices, gaps=("A text is missing.",)), Way.KEEP).status == "draft"


def test_planned_end_in_the_past_is_refused(typed, choices):
    asked = replace(choices, starts_at=NOW - timedelta(days=2), ends_at=NOW - timedelta(days=1))
    with pytest.raises(CannotScheduleError):
        end(typed, replace(asked, starts_at=None), Way.SCHEDULE)


def test_asking_makes_a_draft_that_waits_for_a_second_person(typed, choices, owner):
    site = choices.slot.site
    type(site).objects.filter(pk=site.pk).update(needs_approval=True)
    asked = replace(choices, starts_at=NOW + timedelta(days=1))
    occasion = Occasion(now=NOW, author=owner, note="Before the sale")
    draft = finish(typed=typed, choices=asked, way=Way.ASK, occasion=occasion)
    approval = draft.approvals.get()
    assert (approval.state, approval.asked_by, approval.note) == (
        "waiting",
        owner,
        "Before the sale",
    )
    assert (draft.status, draft.starts_at) == ("draft", asked.starts_at)


def test_what_would_spoil_a_test_is_not_asked_about(typed, choices):
    with pytest.raises(CannotStartError):
        end(typed, replace(choices, gaps=("A text is missing.",)), Way.ASK)
    assert not Experiment.objects.exists()
