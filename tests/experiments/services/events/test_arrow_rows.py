"""Events as files: written once, vouched for, and taken in again as they were."""

from decimal import Decimal

from experiments.models import Event
from tests.experiments.services.sending import sent
from tests.factories import event_message


def test_value_is_kept_to_a_millionth(running_experiment):
    for value in (0.1 + 0.2, 1e-9, 12.5, -1e12):
        sent(event_message("conversion", value=value))
    values = set(Event.objects.values_list("value", flat=True))
    assert values == {Decimal("0.3"), Decimal(0), Decimal("12.5"), Decimal(-(10**12))}
