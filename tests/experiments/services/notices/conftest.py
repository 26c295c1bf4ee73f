import pytest
from django.contrib.auth import get_user_model

from experiments.models import Membership, Notice, Webhook
from experiments.services.lifecycle.outbox import tell_of
from experiments.services.notices.webhook_secrets import new_secret
from tests.factories import NOW, STARTED
from tests.receiver import receiving


@pytest.fixture
def receiver():
    with receiving() as one:
        yield one


@pytest.fixture
def mails(settings, mailoutbox):
    """The mails that were sent, by an installation that sends mail and has an address."""
    settings.CTAOPT_SENDS_MAIL = True
    settings.CTAOPT_PUBLIC_URL = "https://cta.example.org"
    return mailoutbox


def make_reader(name="ada", site=None, role="viewer", **changes):
    """A member of the staff with an address, there since before the tests began."""
    values = {"is_staff": True, "email": f"{name}@example.org", "date_joined": STARTED}
    person = get_user_model().objects.create_user(name, **(values | changes))
    if site is not None:
        Membership.objects.create(user=person, site=site, role=role)
    return person


def make_webhook(site, url, **changes):
    """A webhook that wants every kind."""
    values = {
        "name": "Hook",
        "kinds": Notice.Kind.values,
        "created_at": STARTED,
        "encrypted_secret": new_secret(),
    }
    return Webhook.objects.create(site=site, url=url, **(values | changes))


def told(experiment, kind=Notice.Kind.VERDICT, occurrence="ship:b", **facts):
    """A notice about an experiment; a won test unless told otherwise."""
    known = {"status": "ship", "winner": "b", "lift": 0.25, "visitors": 2_000} | facts
    tell_of(experiment, kind, occurrence=occurrence, now=NOW, facts=known)
    return Notice.objects.latest("pk")
