from base64 import urlsafe_b64decode
from hashlib import blake2b

import pytest

from experiments.event_schema.digests import is_visitor_digest, order_digest, visitor_digest

KEY = bytes(range(32))


def test_digest_of_an_order_is_keyed_and_names_the_goal():
    one = order_digest(KEY, goal="sale", order="A-1")
    expected = blake2b(b"sale\x1fA-1", digest_size=16, key=KEY, person=b"order").hexdigest()
    assert one == expected
    others = [
        order_digest(KEY, goal="signup", order="A-1"),
        order_digest(KEY, goal="sale", order="A-2"),
        order_digest(KEY[::-1], goal="sale", order="A-1"),
    ]
    assert len({one, *others}) == 4


@pytest.mark.parametrize("order", ["Ü" * 200, "\ud800", "A'\\"])
def test_any_text_has_a_digest(order):
    assert len(order_digest(KEY, goal="sale", order=order)) == 32


def test_digest_of_a_visitor_is_keyed_and_marked():
    digest = visitor_digest(KEY, "v-1")
    expected = blake2b(b"v-1", digest_size=16, key=KEY, person=b"visitor").digest()
    assert (digest[0], urlsafe_b64decode(digest[1:] + "==")) == ("~", expected)
    assert len({digest, visitor_digest(KEY, "v-2"), visitor_digest(KEY[::-1], "v-1")}) == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~" + "a-Z_9" * 4 + "xy", True),
        ("~" + "a" * 21, False),
        ("~" + "a" * 23, False),
        ("a" * 23, False),
        ("~" + "é" * 22, False),
        ("~" + "a" * 22 + "\n", False),
    ],
)
def test_digests_are_told_from_ids(text, expected):
    assert is_visitor_digest(text) is expected
