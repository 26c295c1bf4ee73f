from datetime import timedelta

from experiments.models import ServerKey
from experiments.selectors import access
from experiments.services.catalogue.server_keys import server_key_digest
from tests import factories
from tests.factories import NOW

DAY = timedelta(days=1)


def test_key_is_found_in_any_state(site):
    secret = factories.make_server_key(site, revoked_at=NOW, expires_at=NOW - DAY)
    assert access.server_key_of(digest=server_key_digest(secret)) == ServerKey.objects.get()
    assert access.server_key_of(digest=server_key_digest("x")) is None


def test_keys_that_end_soon_are_those_that_still_open(site):
    ends = {"past": -1, "soon": 3, "sooner": 1, "later": 30, "gone": 2}
    for name, days in ends.items():
        revoked_at = NOW if name == "gone" else None
        factories.make_server_key(
            site, name, name=name, expires_at=NOW + days * DAY, revoked_at=revoked_at
        )
    factories.make_server_key(site, "never")
    found = access.server_keys_ending(now=NOW, until=NOW + 14 * DAY)
    assert [key.name for key in found] == ["sooner", "soon"]


def test_former_client_keys_that_end_soon(site):
    for name, days in {"past": 0, "soon": 14, "later": 15}.items():
        site.former_client_keys.create(key=name, replaced_at=NOW - DAY, expires_at=NOW + days * DAY)
    found = access.former_client_keys_ending(now=NOW, until=NOW + 14 * DAY)
    assert [former.key for former in found] == ["soon"]
    assert {former.key for former in access.former_client_keys_of(site)} == {
        "past",
        "soon",
        "later",
    }


def test_name_is_free_again_once_its_key_opens_nothing(site, other_site):
    factories.make_server_key(site, "a", name="crm", expires_at=NOW)
    factories.make_server_key(site, "b", name="shop", revoked_at=NOW)
    factories.make_server_key(site, "c", name="cron", expires_at=NOW + DAY)
    taken = [
        name
        for name in ("crm", "shop", "cron")
        if access.has_key_of_name(site=site, name=name, now=NOW)
    ]
    assert taken == ["cron"]
    assert not access.has_key_of_name(site=other_site, name="cron", now=NOW)
