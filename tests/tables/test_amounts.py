import pytest
from babel import Locale
from babel.core import get_global

from tables.amounts import CODES, SHARED_SIGNS, SIGNS, read_amount
from tables.numbers import NumberError


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("1.299,00 EUR", 1299, "EUR"),
        ("€49.90", 49.9, "EUR"),
        ("49,90 €", 49.9, "EUR"),
        ("49,90\u00a0€", 49.9, "EUR"),
        ("1\u202f299,00\u00a0€", 1299, "EUR"),
        ("CHF 1'299.\u2013", 1299, "CHF"),
        ("CHF 1\u2019299.50", 1299.5, "CHF"),
        ("1.299,- €", 1299, "EUR"),
        ("5,\u2014 €", 5, "EUR"),
        ("EUR 12", 12, "EUR"),
        ("eur12", 12, "EUR"),
        ("12euros", 12, "EUR"),
        ("-12,50 €", -12.5, "EUR"),
        ("\u2212€12.50", -12.5, "EUR"),
        ("€-12.50", -12.5, "EUR"),
        ("€.50", 0.5, "EUR"),
        ("£1,299.00", 1299, "GBP"),
        ("1\u00a0299,00\u00a0zł", 1299, "PLN"),
        ("1 299 Kč", 1299, "CZK"),
        ("US$ 1,299.00", 1299, "USD"),
        ("R$ 1.299,00", 1299, "BRL"),
        ("₹12,34,567", 1234567, "INR"),
        ("5.-", 5, None),
        ("1e3", 1000, None),
        ("49,90", 49.9, None),
    ],
)
def test_amount_is_read_with_the_currency_that_it_names(text, value, currency):
    assert read_amount(text) == (value, currency)


@pytest.mark.parametrize(
    ("text", "currency", "value"),
    [
        ("Rs.500", "INR", 500),
        ("Rs .50", "INR", 0.5),
        ("$.50", "USD", 0.5),
        ("kr.5", "DKK", 5),
        ("$1,299.00", "USD", 1299),
        ("$1,299.00", "CAD", 1299),
        ("1 299 kr", "SEK", 1299),
        ("1.299,00 kr.", "DKK", 1299),
        ("1 299:-", "SEK", 1299),
        ("¥1,299,000", "JPY", 1299000),
        ("£5", "EGP", 5),
        ("Fr. 5.-", "CHF", 5),
        ("49,90 €", "EUR", 49.9),
        ("12 pts", "PTS", 12),
        ("49,90", "EUR", 49.9),
    ],
)
def test_sign_agrees_with_the_currency_that_is_given(text, currency, value):
    assert read_amount(text, currency) == (value, currency)


@pytest.mark.parametrize("text", ["$1,299.00", "1 299 kr", "¥1,299,000", "Rs. 5", "5 lei"])
def test_sign_of_several_currencies_needs_one_that_is_named(text):
    with pytest.raises(ValueError, match="is in one of several currencies"):
        read_amount(text)


@pytest.mark.parametrize(
    ("text", "currency"),
    [("49,90 €", "USD"), ("$5", "EUR"), ("5 kr", "EUR"), ("USD 5", "EUR"), ("£5", "EUR")],
)
def test_sign_of_another_currency_is_refused(text, currency):
    with pytest.raises(ValueError, match=f"is not in {currency}, which `currency` names"):
        read_amount(text, currency)


@pytest.mark.parametrize(
    "text",
    [
        "€", "EUR", "", "€ 5 €", "EUR 5 EUR", "5 € TTC", "from 5 €", "5 pieces", "5 abc", "5%",
        "-€-5", "5 €/mois", "12 x 5 €", "5 € 90", "€5-10", "5 -", "$", "1e", "NaN €", "0x10 €",
        "5. €.", "5 zł. 20", "5 usd cad", "A-1001", "2026-11-29",
    ],
)  # fmt: skip
@pytest.mark.parametrize("currency", [None, "EUR"])
def test_text_that_is_not_one_amount_is_no_number(text, currency):
    with pytest.raises(NumberError):
        read_amount(text, currency)


@pytest.mark.parametrize("text", ["€1.234", "1,234 €", "CHF 12.345"])
def test_currency_does_not_decide_between_two_numbers(text):
    with pytest.raises(NumberError, match="may be"):
        read_amount(text)


def test_codes_are_those_of_currencies_in_use():
    used = {
        code
        for currencies in get_global("territory_currencies").values()
        for code, _start, end, is_tender in currencies
        if is_tender and end is None
    }
    assert used == CODES


def test_signs_are_those_of_their_currencies():
    assert set(SIGNS.values()) <= CODES
    for sign, codes in SHARED_SIGNS.items():
        assert codes <= CODES, sign
    english = Locale("en").currency_symbols
    for code in sorted(CODES):
        sign = english.get(code, code).casefold()
        assert SIGNS.get(sign, code) == code or code in SHARED_SIGNS[sign]
