from datetime import timedelta

import pytest

from experiments.services.senders.addresses import (
    GROUPS,
    sender_digest,
    sender_group,
    sender_network,
)
from tests.factories import NOW


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        (" 203.0.113.9:51234", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "20010db800010002".lstrip("0")),
        ("2001:db8:1:2:ffff::1", "20010db800010002"),
        ("[2001:db8:1:2::1]:443", "20010db800010002"),
        ("", None),
        ("unknown", None),
        ("/run/ctaopt.socket", None),
        ("[::", None),
    ],
)
def test_sender_is_an_address_or_a_network_of_version_6(address, network):
    assert sender_network(address, is_forwarded=False) == network


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.1.2.3", "192.168.0.7", "::1", "fe80::1", "fd00::7", "100.64.0.1"]
)
def test_own_network_is_a_sender_only_behind_a_declared_proxy(address):
    assert sender_network(address, is_forwarded=False) is None
    assert sender_network(address, is_forwarded=True) is not None


def test_digest_is_of_its_hour_and_secret(settings):
    digest = sender_digest("203.0.113.9", now=NOW)
    assert sender_digest("203.0.113.9", now=NOW + timedelta(minutes=59)) == digest
    assert sender_digest("203.0.113.9", now=NOW + timedelta(hours=1)) != digest
    assert sender_digest("203.0.113.8", now=NOW) != digest
    settings.SECRET_KEY = "another"  # noqa: S105  a test's
    assert sender_digest("203.0.113.9", now=NOW) != digest


def test_group_is_of_its_day_and_site_and_one_of_few():
    groups = [sender_group(f"203.0.{n}.9", site_id=1, now=NOW) for n in range(256)]
    assert min(groups) >= 0
    assert max(groups) < GROUPS
    # 256 senders thrown into 512 groups: a few meet.
    assert 170 < len(set(groups)) < 230
    for other in ({"site_id": 2, "now": NOW}, {"site_id": 1, "now": NOW + timedelta(days=1)}):
        assert [sender_group(f"203.0.{n}.9", **other) for n in range(256)] != groups
