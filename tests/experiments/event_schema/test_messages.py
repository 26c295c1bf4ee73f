import re
from decimal import Decimal

import pytest

from experiments.models import Event
from tests.experiments.services.sending import reason_of
from tests.factories import NOW, event_message
from tests.intake import ingest

pytestmark = pytest.mark.on_both_databases


def test_time_zone_of_an_event_is_its_own_business(served):
    ingest(site=served, items=[event_message(at="2026-11-22T13:30:00+01:30")], now=NOW)
    assert Event.objects.get().occurred_at == NOW


REJECTED = [
    ("`type`", {"type": None}),
    (r"'view'.*\$\.type", {"type": "view"}),
    ("`id`", {"id": None}),
    (r"UUID.*\$\.id", {"id": "1"}),
    ("`visitor`", {"visitor": None}),
    (r"length >= 1.*\$\.visitor", {"visitor": ""}),
    (r"length <= 200.*\$\.visitor", {"visitor": "v" * 201}),
    (r"control characters.*\$\.visitor", {"visitor": "v\0"}),
    (r"control characters.*\$\.visitor", {"visitor": "v\n"}),
    (r"`str`.*\$\.visitor", {"visitor": 7}),
    ("^visitor: is a placeholder", {"visitor": "undefined"}),
    ("^visitor: is a placeholder", {"visitor": "{{ user.id }}"}),
    ("^visitor: looks like an e-mail address", {"visitor": "jean.dupont@example.fr"}),
    ("^visitor: looks like an IP address", {"visitor": "2001:db8::7"}),
    ("`slot`", {"slot": None}),
    ("unknown slot 'footer'", {"slot": "footer"}),
    ("`variant`", {"variant": None}),
    ("unknown variant 'c'", {"variant": "c"}),
    ("unknown variant 'default'", {"variant": "default"}),
    ("no experiment on 'hero'", {"experiment": "other"}),
    ("`at`", {"at": None}),
    (r"timezone.*\$\.at", {"at": "2026-11-22T12:00:00"}),
    (r"\$\.at", {"at": "yesterday"}),
    (r"`datetime`.*\$\.at", {"at": 1_763_812_800}),
]


@pytest.mark.parametrize(("reason", "changes"), REJECTED, ids=lambda value: str(value)[:30])
def test_exposure_is_rejected_with_the_field_named(served, reason, changes):
    assert re.search(reason, reason_of(served, event_message(**changes)))


def test_exposure_keeps_the_attributes_it_may_carry(served):
    attributes = {"device": "tablet", "locale": "FR-ca", "country": "CA", "new_visitor": False}
    ingest(site=served, items=[event_message(attributes=attributes)], now=NOW)
    assert Event.objects.get().attributes == attributes | {"locale": "fr"}


@pytest.mark.parametrize(
    ("locale", "kept"),
    [("pt_BR", "pt"), ("FIL", "fil"), ("english", None), ("français", None), ("f", None)],
)
def test_exposure_keeps_the_language_if_it_is_one(served, locale, kept):
    message = event_message(attributes={"locale": locale})
    ingest(site=served, items=[message], now=NOW)
    assert Event.objects.get().attributes.get("locale") == kept


@pytest.mark.parametrize("attributes", [None, {}, {"device": None}])
def test_exposure_without_attributes_keeps_none(served, attributes):
    message = event_message() | {"attributes": attributes}
    ingest(site=served, items=[message], now=NOW)
    assert Event.objects.get().attributes == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("device", "watch"),
        ("device", 1),
        ("locale", 1),
        ("locale", "x" * 101),
        ("country", "ca"),
        ("country", "CAN"),
        ("country", "CA\n"),
        ("new_visitor", "true"),
        ("new_visitor", 1),
    ],
)
def test_attribute_of_another_shape_is_rejected_by_name(served, name, value):
    reason = reason_of(served, event_message(attributes={name: value}))
    assert f"$.attributes.{name}" in reason


def test_unknown_attribute_is_rejected_by_name(served):
    reason = reason_of(served, event_message(attributes={"email": "a@example.org"}))
    assert re.search(r"unknown field `email`.*\$\.attributes", reason)


@pytest.mark.parametrize("attributes", ["mobile", ["mobile"], 5])
def test_attributes_that_are_no_object_are_rejected(served, attributes):
    assert "$.attributes" in reason_of(served, event_message(attributes=attributes))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("goal", ""),
        ("goal", "g" * 101),
        ("goal", "g\0"),
        ("value", True),
        ("value", ["12"]),
        ("value", "1" * 41),
        ("value", 1e13),
        ("value", -1e13),
        ("currency", "EURO"),
        ("currency", "€"),
        ("currency", "EUR\n"),
    ],
)
def test_conversion_is_rejected_with_the_field_named(served, field, value):
    assert f"$.{field}" in reason_of(served, event_message("conversion", **{field: value}))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("49.90", "49.9"),
        ("49,90", "49.9"),
        ("1 299,00", "1299"),
        ("1\u202f299,00", "1299"),
        ("1.299,00", "1299"),
        ("1,299.00", "1299"),
        ("12", "12"),
        ("-5", "-5"),
        ("49,90 €", "49.9"),
        ("€1,299.00", "1299"),
        ("EUR 12", "12"),
    ],
)
def test_value_may_be_written_as_on_the_page(served, text, value):
    ingest(site=served, items=[event_message("conversion", value=text, currency="eur")], now=NOW)
    event = Event.objects.get()
    assert (event.value, event.currency) == (Decimal(value), "EUR")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1.234", "may be 1.234 or 1234"),
        ("1,234", "may be 1.234 or 1234"),
        ("49,90 € TTC", "is not a number"),
        ("$5", "is in one of several currencies: name it in `currency`"),
        ("", "is empty"),
        ("NaN", "is not a number"),
        ("1e13", "is beyond 1e+12"),
        ("undefined", "is not a number"),
    ],
)
def test_value_that_is_not_clear_is_rejected_with_its_reason(served, text, reason):
    rejected = reason_of(served, event_message("conversion", value=text))
    assert rejected.startswith(f"value: {text!r} {reason}")


@pytest.mark.parametrize(
    ("text", "given", "stored"),
    [("CHF 1'299.\u2013", None, "CHF"), ("$1,299.00", "cad", "CAD"), ("1 299 kr", "SEK", "SEK")],
)
def test_currency_is_filled_in_from_the_value_where_it_is_clear(served, text, given, stored):
    message = event_message("conversion", value=text, currency=given)
    ingest(site=served, items=[message], now=NOW)
    event = Event.objects.get()
    assert (event.value, event.currency) == (1299, stored)


def test_sign_that_contradicts_the_currency_is_rejected(served):
    message = event_message("conversion", value="49,90 €", currency="usd")
    reason = "value: '49,90 €' is not in USD, which `currency` names"
    assert reason_of(served, message) == reason


@pytest.mark.parametrize("item", [None, 5, "exposure", [], {}, [event_message()]])
def test_item_that_is_no_event_is_rejected(served, item):
    assert reason_of(served, item)


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_ends_of_time_are_rejected(served, at):
    assert reason_of(served, event_message("conversion", at=at)).startswith("at: ")
