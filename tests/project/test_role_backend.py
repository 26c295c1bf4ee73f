"""Roles decide, and nothing else: no permission of Django's own opens a page."""

import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.contrib.auth.models import Group, Permission
from django.utils.module_loading import import_string

from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def person():
    return factories.make_person("editor")


@pytest.mark.parametrize(
    "backend", [*settings.AUTHENTICATION_BACKENDS, "ctaopt.demo_login.DemoBackend"]
)
def test_permissions_of_users_and_groups_are_not_read(person, backend):
    permission = Permission.objects.get(codename="change_cta")
    person.user_permissions.add(permission)
    group = Group.objects.create(name="editors")
    group.permissions.add(permission)
    person.groups.add(group)
    made = import_string(backend)()
    assert not made.has_perm(person, "experiments.change_cta")
    assert not made.has_module_perms(person, "experiments")
    assert made.get_all_permissions(person) == set()
    assert made.get_user_permissions(person) == made.get_group_permissions(person) == set()


def test_role_answers_in_django_s_words(person):
    site = factories.make_site()
    site.memberships.create(user=person, role="marketer")
    assert person.has_perm("experiments.change_cta")
    assert person.has_perm("experiments.change_cta", factories.make_cta(site))
    assert not person.has_perm(
        "experiments.change_cta", factories.make_cta(factories.make_site("rival"))
    )
    assert person.has_module_perms("experiments")
    assert not person.has_module_perms("auth")
    assert "experiments.change_cta" in person.get_all_permissions()


def test_log_in_is_by_password(person):
    person.set_password("correct horse battery")
    person.save()
    assert authenticate(username="editor", password="correct horse battery") == person
    assert authenticate(username="editor", password="wrong") is None
