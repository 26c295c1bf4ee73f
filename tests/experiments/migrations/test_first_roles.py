"""The staff of before the roles keep what they used, on every site."""

from importlib import import_module
from types import SimpleNamespace

import pytest
from django.apps import apps
from django.contrib.auth.models import Group, Permission
from django.db import connection

from experiments.models import Job, Membership
from tests import factories
from tests.factories import NOW

pytestmark = pytest.mark.on_both_databases

migration = import_module("experiments.migrations.0022_first_roles")
EDITOR = SimpleNamespace(connection=connection)


@pytest.mark.parametrize(
    ("codenames", "role"),
    [
        (["view_experiment"], "viewer"),
        (["view_predictorversion"], "viewer"),
        (["view_job", "add_job"], "analyst"),
        (["view_cta", "change_cta"], "marketer"),
        (["add_experiment", "add_job"], "marketer"),
        (["delete_historyarm"], "owner"),
        (["change_event"], "owner"),
        (["view_serverkey"], "owner"),
        (["change_predictorversion"], "owner"),
        # Accounts are for superusers: that right alone gives no role.
        (["change_user"], None),
        ([], None),
    ],
)
def test_permissions_become_the_least_role_that_holds_them(site, other_site, codenames, role):
    person = factories.make_person("colleague")
    person.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    migration.give_roles(apps, EDITOR)
    given = Membership.objects.filter(user=person).values_list("site", "role")
    assert set(given) == ({(site.pk, role), (other_site.pk, role)} if role else set())


def test_permissions_of_groups_count(site):
    group = Group.objects.create(name="editors")
    group.permissions.set(Permission.objects.filter(codename="change_experiment"))
    person = factories.make_person("colleague")
    person.groups.add(group)
    migration.give_roles(apps, EDITOR)
    assert Membership.objects.get().role == "marketer"


def test_superusers_and_people_without_a_log_in_need_none(site, owner, stranger):
    stranger.user_permissions.set(Permission.objects.filter(codename="change_experiment"))
    migration.give_roles(apps, EDITOR)
    assert not Membership.objects.exists()


def test_rankings_get_the_site_that_they_were_asked_for(slot, other_site):
    moments = {"created_at": NOW, "heartbeat_at": NOW}
    asked = {
        other_site.pk: {"site": "rival"},
        slot.site_id: {"slot_pk": slot.pk},
        None: {"site": "gone", "slot_pk": 999},
    }
    jobs = {
        site: Job.objects.create(kind="ranking", request=request, **moments)
        for site, request in asked.items()
    }
    migration.place_jobs(apps, EDITOR)
    for site, job in jobs.items():
        job.refresh_from_db()
        assert job.site_id == site
