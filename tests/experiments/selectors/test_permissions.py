import pytest
from django.contrib.auth.models import AnonymousUser

from experiments.models import Job, Membership
from experiments.selectors import permissions
from experiments.selectors.permissions import (
    may,
    people_who,
    people_with,
    rows_where,
    site_id_of,
    sites_where,
)
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

EDIT, VIEW, ERASE = "experiments.change_cta", "experiments.view_cta", "experiments.change_event"


def test_role_holds_on_its_site_only(site, other_site):
    person = factories.make_member(site, "marketer")
    assert may(person, EDIT, factories.make_cta(site))
    assert not may(person, EDIT, factories.make_cta(other_site))
    assert may(person, EDIT)
    assert list(sites_where(person, EDIT)) == [site]


def test_role_may_do_what_the_lower_ones_may(site):
    people = {role: factories.make_member(site, role) for role in Membership.Role.values}
    found = {
        role: [may(people[role], name, site) for name in (VIEW, "experiments.add_job", EDIT, ERASE)]
        for role in people
    }
    assert found == {
        "viewer": [True, False, False, False],
        "analyst": [True, True, False, False],
        "marketer": [True, True, True, False],
        "owner": [True, True, True, True],
    }


def test_what_no_role_is_named_for_is_for_superusers(site, owner):
    person = factories.make_member(site, "owner", "shopkeeper")
    for name in ("auth.change_user", "experiments.add_site", "experiments.no_such"):
        assert (may(person, name), may(person, name, site), may(owner, name)) == (
            False,
            False,
            True,
        )
    assert not sites_where(person, "experiments.no_such").exists()


@pytest.mark.parametrize("lost", ["is_active", "is_staff"])
def test_role_is_of_no_use_to_who_may_not_log_in(site, lost):
    person = factories.make_member(site, "owner", "shopkeeper")
    setattr(person, lost, False)
    assert not may(person, VIEW, site)
    assert not sites_where(person, VIEW).exists()


def test_superuser_who_may_not_log_in_may_nothing(site, owner):
    owner.is_active = False
    assert not may(owner, VIEW, site)
    assert not may(AnonymousUser(), VIEW, site)


@pytest.mark.parametrize("permission", sorted(permissions.ON_EVERY_SITE))
def test_what_concerns_the_installation_needs_the_role_on_every_site(site, permission):
    person = factories.make_member(site, "owner", "shopkeeper")
    assert may(person, permission)
    factories.make_site("rival")
    assert not may(person, permission)
    # The row does not lend it a site.
    assert not may(person, permission, site)


def test_row_without_a_site_needs_the_role_on_every_site(site):
    job = Job(kind="ranking", created_at=NOW, heartbeat_at=NOW)
    person = factories.make_member(site, "marketer")
    assert may(person, "experiments.delete_job", job)
    factories.make_site("rival")
    assert not may(person, "experiments.delete_job", job)


def test_jobs_are_those_of_the_sites_and_one_s_own(site, other_site):
    person = factories.make_member(site, "viewer")
    moments = {"created_at": NOW, "heartbeat_at": NOW}
    own_site = Job.objects.create(kind="ranking", site=site, **moments)
    own = Job.objects.create(kind="ranking", created_by=person, **moments)
    foreign = Job.objects.create(kind="ranking", site=other_site, **moments)
    nobodys = Job.objects.create(kind="ranking", **moments)
    training = Job.objects.create(kind="training", created_by=person, **moments)

    def seen_by(one):
        return set(rows_where(one, "experiments.view_job", Job.objects.all()))

    assert seen_by(person) == {own_site, own}
    # Without a role a person has no jobs either.
    assert seen_by(factories.make_person("nobody")) == set()
    Membership.objects.create(user=person, site=other_site, role="viewer")
    again = type(person).objects.get(pk=person.pk)
    assert seen_by(again) == {own_site, own, foreign, training}
    assert nobodys not in seen_by(again)


def test_roles_are_read_once_a_request(site, django_assert_num_queries):
    person = factories.make_member(site, "viewer")
    with django_assert_num_queries(1):
        assert [may(person, VIEW, site), may(person, EDIT, site), may(person, ERASE)] == [
            True,
            False,
            False,
        ]


def test_site_of_a_row_is_found_over_its_parents(running_experiment, site):
    arm = running_experiment.variants.get(arm=0)
    rows = (site, running_experiment, arm, arm.cta, arm.cta.wordings.get())
    assert {site_id_of(row) for row in rows} == {site.pk}


def test_people_with_a_permission_are_those_who_may(site, other_site, owner, stranger):
    people = {
        role: factories.make_member(site, role, f"the {role}") for role in Membership.Role.values
    }
    factories.make_member(other_site, "owner", "elsewhere")
    gone = factories.make_member(site, "owner", "gone")
    type(gone).objects.filter(pk=gone.pk).update(is_active=False)
    # A superuser with a role is one person.
    Membership.objects.create(user=owner, site=site, role="owner")
    for name in (VIEW, EDIT, ERASE):
        assert set(people_with(name, site)) == set(people_who(name, site))
        assert people_with(name, site).count() == len(people_who(name, site))
    assert set(people_with(EDIT, site)) == {people["marketer"], people["owner"], owner}
