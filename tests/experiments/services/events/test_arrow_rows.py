"""Events as files: written once, vouched for, and taken in again as they were."""

from decimal import Decimal

from experiments.models import Event
from experiments.services.events.parquet_files import export_events
from tests.experiments.services.operations.test_visitor_erasure import sent
from tests.factories import event_message


def written(site, folder):
    """The days that an export had to write."""
    return [file.day.day for file, is_new in export_events(site=site, folder=folder) if is_new]


def test_value_is_kept_to_a_millionth(running_experiment):
    for value in (0.1 + 0.2, 1e-9, 12.5, -1e12):
        sent(event_message("conversion", value=value))
    values = set(Event.objects.values_list("value", flat=True))
    assert values == {Decimal("0.3"), Decimal(0), Decimal("12.5"), Decimal(-(10**12))}
