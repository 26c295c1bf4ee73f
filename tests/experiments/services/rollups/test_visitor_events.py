from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import connection

from experiments.services.rollups.visitor_events import events_of_visitors
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.skipif(
    connection.vendor != "sqlite", reason="reads one by one; PostgreSQL folds whole sets"
)


def test_events_of_each_visitor_come_in_order_of_time(running_experiment):
    arm = running_experiment.variants.get(arm=0)
    factories.make_event(arm, visitor="v-1", kind="click", at=NOW)
    factories.make_event(arm, visitor="v-1", at=NOW - timedelta(minutes=1))
    factories.make_event(arm, visitor="v-2", at=NOW)
    factories.make_event(arm, visitor="v-3", at=NOW)
    site = running_experiment.slot.site
    events = events_of_visitors(site_id=site.pk, visitors=["v-1", "v-2"])
    assert {visitor: [event.type for event in rows] for visitor, rows in events.items()} == {
        "v-1": ["exposure", "click"],
        "v-2": ["exposure"],
    }


def test_values_are_exact_and_attributes_are_parsed(running_experiment):
    arm = running_experiment.variants.get(arm=0)
    factories.make_event(arm, value=Decimal("0.1"), attributes={"device": "mobile"})
    (event,) = events_of_visitors(site_id=running_experiment.slot.site_id, visitors=["v-1"])["v-1"]
    assert event.value == Decimal("0.1")
    assert event.attributes == {"device": "mobile"}
    assert event.occurred_at == NOW


def test_events_of_another_site_are_not_read(running_experiment, other_site):
    factories.make_event(running_experiment.variants.get(arm=0))
    assert events_of_visitors(site_id=other_site.pk, visitors=["v-1"]) == {}
