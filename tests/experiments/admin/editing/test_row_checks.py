"""Planned dates of a draft: one message for one fault."""

import pytest
from django.urls import reverse

from tests.experiments.admin.test_experiments import experiment_form
from tests.factories import NOW

SOON = {"starts_at_0": "2031-02-01", "starts_at_1": "09:00"}


@pytest.mark.parametrize(
    ("end", "said"),
    [
        ("2020-01-01", "The end must come after the start and after now."),
        ("2031-01-01", "The planned end must come after the planned start."),
    ],
)
def test_wrong_end_is_told_once(admin_client, slot, time_machine, end, said):
    time_machine.move_to(NOW, tick=False)
    sent = experiment_form(slot, **SOON, ends_at_0=end, ends_at_1="09:00")
    shown = admin_client.post(reverse("admin:experiments_experiment_add"), sent)
    assert shown.context["adminform"].form.errors["ends_at"] == [said]
