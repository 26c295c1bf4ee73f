import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.event_schema.visitor_ids import as_visitor, visitor_fault, visitor_fault_text

FAULTS = {
    "placeholder": [
        *("", " ", "0", "-1", "undefined", "UNDEFINED", " null ", "NaN", "None", "nil", "(null)"),
        *("[object Object]", "[object HTMLInputElement]", "user-[object Object]"),
        *("{{ user.id }}", "{{visitor}}", "${id}", "#{id}", "{visitor}", "{% user %}", "<%= id %>"),
        *("<visitor>", "%VISITOR_ID%", "user-${id}", "{{ user.id"),
        *("user-undefined", "shop:null", "customer_undefined", "id=null"),
        *("anonymous", "Guest", "unknown", "N/A", "(not set)", "true", "false"),
        # As addresses, mails, tag managers and other templates write variables.
        *("%7B%7Buser_id%7D%7D", "%257B%257Bid%257D%257D", "%24%7Bid%7D", "%5Bobject%20Object%5D"),
        *("[[id]]", "[CLIENT_ID]", "%%user_id%%", "*|UNIQID|*", "user-[[id]]", "__CLIENT_ID__"),
        *('"undefined"', "'null'", "`None`", '""', "user%3Dundefined", "%20"),
        *("00000000-0000-0000-0000-000000000000", "0000000000"),
    ],
    "e-mail": [
        *("jean.dupont@example.fr", "JEAN@EXAMPLE.FR", "jean%40example.fr", "mailto:a@b.org"),
        *("Jean <jean@example.fr>", "user:jean+cta@mail.example.co.uk", "josé@exämple.de"),
        " jean@example.fr ",
    ],
    "address": [
        *("192.0.2.7", "10.0.0.1:8080", "255.255.255.255", "::1", "2001:db8::7", "[2001:db8::7]"),
        *("[2001:db8::7]:443", "fe80::1%eth0", "::ffff:192.0.2.7", " 192.0.2.7 "),
    ],
}
USED = [
    *("1", "7", "1234", "000123", "-", "v-1", "user-1", "a/b", "a b", "é?#%", "名前", "Ab_-~."),
    *("019ab5f0-0000-7000-8000-000000000001", "5f2b7c0d9e8a4f6b8c1d2e3f4a5b6c7d"),
    # Ids of Google Analytics, Matomo, Shopify, Stripe, Auth0, WordPress, Segment.
    *("GA1.2.1467382.1763812800", "1467382.1763812800", "GS1.1.1763812800.3.1.1763813000.0.0.0"),
    *("f4a2c1d09b8e7a65", "gid://shopify/Customer/6940095564", "cus_NffrFeUfNV2Hib"),
    *("auth0|507f1f77bcf86cd799439020", "wp:42", "shop:1234", "tenant.eu:12", "1.2.3", "1.2.3.999"),
    # Digests, and texts that hold such words.
    *("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "YWJjZGVmZw=="),
    *("nullius", "undefined-behaviour", "anonymous-1a2b", "guest-77", "none-4711", "zero0"),
    # No e-mail addresses: a handle, a name in a tenant, an arm.
    *("@jean", "jean@shop", "@jean:example.org", "b@1", "12:34", "00:1b:44:11:3a:b7"),
    *("[2]", "a[0]", "__a1__", "100%%", "50%% off", "'7'", "%2F7", "[[", "user%3D7"),
    *("100%", "50%25", "{", "}", "<", "$id", "#42"),
]


@pytest.mark.parametrize(
    ("kind", "visitor"), [(kind, one) for kind in FAULTS for one in FAULTS[kind]]
)
def test_id_that_names_everybody_or_a_person_has_a_fault(kind, visitor):
    assert visitor_fault(visitor) == kind


@pytest.mark.parametrize("visitor", USED)
def test_id_of_a_shop_may_be_used(visitor):
    assert visitor_fault_text(visitor) == ""


@pytest.mark.parametrize("visitor", [one for kind in ("e-mail", "address") for one in FAULTS[kind]])
def test_text_of_a_fault_does_not_repeat_the_id(visitor):
    assert visitor.strip() not in visitor_fault_text(visitor)


@given(st.uuids(version=4))
def test_random_uuids_may_be_used(number):
    assert visitor_fault(str(number)) is None
    assert visitor_fault(number.hex) is None


def test_nil_uuid_is_nobody():
    assert visitor_fault(uuid.UUID(int=0).hex) == "placeholder"


@given(st.integers(min_value=1, max_value=2**63))
def test_positive_numbers_may_be_used(number):
    assert visitor_fault(as_visitor(number)) is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(1234, "1234"), (12.0, "12"), (1.5, "1.5"), (0, "0"), (-0.0, "0"), ("1", "1")],
)
def test_number_is_its_text(value, text):
    assert as_visitor(value) == text


@pytest.mark.parametrize("value", [True, False, None, [1], {"id": 1}])
def test_anything_else_stays_what_it_is(value):
    assert as_visitor(value) is value
