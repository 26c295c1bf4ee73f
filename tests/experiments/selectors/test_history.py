import pytest
from django.db import connection

from experiments.models import Membership, PastTest, Site
from experiments.selectors.history import owners_of_past_tests, teaching_sites
from tests import factories

pytestmark = pytest.mark.on_both_databases


def keys():
    return {site.key for site in teaching_sites()}


def test_sites_of_one_owner_teach_each_other(site, other_site):
    assert keys() == {"shop", "rival"}
    person = factories.make_member(site, "owner", "shopkeeper")
    Membership.objects.create(user=person, site=other_site, role="owner")
    factories.make_member(other_site, "marketer")
    assert keys() == {"shop", "rival"}


def test_sites_of_two_owners_teach_only_if_they_say_so(site, other_site):
    factories.make_member(site, "owner", "shopkeeper")
    factories.make_member(other_site, "owner", "rival's owner")
    assert keys() == set()
    Site.objects.filter(pk=site.pk).update(teaches_others=True)
    assert keys() == {"shop"}


def test_site_that_says_no_does_not_teach(site, other_site):
    Site.objects.filter(pk=site.pk).update(teaches_others=False)
    assert keys() == {"rival"}


def test_site_that_is_alone_teaches_itself(site):
    Site.objects.update(teaches_others=False)
    assert keys() == {"shop"}


def past_test_of(experiment):
    return PastTest.objects.create(
        site=experiment.slot.site, source="experiment", experiment=experiment, name="t",
        verdict="open", digest=experiment.key, kept_at=factories.NOW,
    )  # fmt: skip


def test_owners_are_those_of_past_tests_of_the_sites(site, other_site):
    people = {}
    for place, key in ((site, "past"), (site, "open"), (other_site, "foreign")):
        slot = factories.make_slot(place, key)
        experiment = factories.make_experiment(slot, key, owner=factories.make_person(key))
        people[key] = experiment.owner
        if key != "open":
            past_test_of(experiment)
    assert list(owners_of_past_tests(sites=Site.objects.all())) == [
        people["foreign"],
        people["past"],
    ]
    own = Site.objects.filter(pk=site.pk)
    assert list(owners_of_past_tests(sites=own)) == [people["past"]]


def test_latest_past_tests_are_read_in_their_order_and_not_sorted(db):
    plan = PastTest.objects.select_related("slot")[:50].explain()
    if connection.vendor == "sqlite":
        assert "past_test_latest" in plan
        assert "TEMP B-TREE" not in plan
    else:
        assert "Limit" in plan
