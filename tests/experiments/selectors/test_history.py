import pytest

from experiments.models import Membership, Site
from experiments.selectors.history import teaching_sites
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
