from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.cache import cache
from django.utils import translation

from experiments.models import Exclusion, VisitorOutcome
from experiments.services.catalogue.audience_reach import (
    Reach,
    attributes_in,
    reach_in_words,
    reach_of,
)
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases


@pytest.fixture(autouse=True)
def nothing_remembered():
    cache.clear()


def seen(experiment, visitor, segments, *, days_ago=3, **changes):
    return VisitorOutcome.objects.create(
        experiment=experiment,
        variant=experiment.variants.first(),
        visitor=visitor,
        day=NOW.date() - timedelta(days=days_ago),
        has_clicked=False,
        has_converted=False,
        value=Decimal(0),
        segments=segments,
        **changes,
    )


@pytest.fixture
def visitors(slot):
    first = factories.make_running_experiment(slot, "first")
    second = factories.make_running_experiment(factories.make_slot(slot.site, "footer"), "second")
    seen(first, "v-1", "device=mobile locale=fr country=FR new_visitor=true")
    seen(second, "v-1", "device=mobile locale=fr country=FR new_visitor=false")
    seen(first, "v-2", "device=desktop locale=fr")
    seen(first, "v-3", "device=mobile locale=en")
    seen(first, "v-4", "")
    seen(first, "v-5", "device=mobile", days_ago=31)
    seen(first, "v-6", "device=mobile", exclusion=Exclusion.BOT)
    return slot.site


@pytest.mark.parametrize(
    ("condition", "counted"),
    [
        ({}, 4),
        ({"device": "mobile"}, 2),
        ({"device": "mobile", "locale": "fr"}, 1),
        ({"locale": {"$ne": "fr"}}, 2),
        ({"$or": [{"device": "desktop"}, {"country": "FR"}]}, 2),
        ({"new_visitor": True}, 1),
        ({"country": {"$exists": False}}, 3),
    ],
)
def test_each_visitor_of_the_last_days_counts_once(visitors, condition, counted):
    assert reach_of(site=visitors, condition=condition, now=NOW) == Reach(visitors=counted, of=4)


@pytest.mark.parametrize(
    ("condition", "names"),
    [
        ({"path": "/", "device": "mobile"}, ("path",)),
        ({"locale": "fr-CA"}, ("locale fr-CA",)),
    ],
)
def test_what_is_not_kept_cannot_be_counted(visitors, condition, names):
    reach = reach_of(site=visitors, condition=condition, now=NOW)
    assert (reach.visitors, reach.uncounted) == (None, names)
    assert names[0] in reach_in_words(reach)


def test_other_sites_visitors_do_not_count(visitors, other_site):
    reach = reach_of(site=other_site, condition={}, now=NOW)
    assert (reach.visitors, reach.of) == (0, 0)
    assert "Nobody has seen a test" in reach_in_words(reach)


def test_count_is_remembered_for_a_while(visitors, django_assert_num_queries):
    with django_assert_num_queries(1):
        reach_of(site=visitors, condition={}, now=NOW)
        reach = reach_of(site=visitors, condition={"device": "mobile"}, now=NOW)
    assert reach_in_words(reach) == (
        "2 of the 4 visitors who saw a test in the last 30 days are in it."
    )


def test_attributes_are_as_conditions_compare_them():
    assert attributes_in("") == {}
    assert attributes_in("locale=fr new_visitor=false") == {"locale": "fr", "new_visitor": False}


def test_numbers_of_an_audience_are_written_in_the_reader_s_language():
    reach = Reach(visitors=1_234, of=20_000)
    with translation.override("fr"):
        shown = reach_in_words(reach)
    assert "1\u00a0234" in shown
    assert "20\u00a0000" in shown
