"""Amounts of money as shops write them: a number beside the sign or the code of a currency."""

import re

from tables.numbers import NumberColumn, tidy_number


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


# ISO 4217: currencies in use in 2026.
CODES = _codes(
    """
    AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP
    BYN BZD CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP
    GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES
    KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU
    MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON
    RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SYP SZL THB TJS TMT TND TOP
    TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG
    """
)
# Signs that name one currency (CLDR 47, and how its own country writes it).
SIGNS = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "£": "GBP", "sfr": "CHF", "zł": "PLN", "kč": "CZK",
    "ft": "HUF", "₺": "TRY", "₴": "UAH", "₽": "RUB", "₪": "ILS", "₹": "INR", "₩": "KRW", "₫": "VND",
    "₱": "PHP", "฿": "THB", "円": "JPY", "us$": "USD", "$us": "USD", "ca$": "CAD", "$ca": "CAD",
    "a$": "AUD", "au$": "AUD", "nz$": "NZD", "hk$": "HKD", "nt$": "TWD", "mx$": "MXN", "r$": "BRL",
}  # fmt: skip
# Signs of several currencies: which one is meant is known only where it is named.
SHARED_SIGNS = {
    "$": _codes(
        """
        ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NIO NZD
        SBD SGD SRD TTD TWD USD UYU XCD
        """
    ),
    "¥": _codes("CNY JPY"),
    "kr": _codes("DKK ISK NOK SEK"),
    "£": _codes("EGP FKP GBP GIP LBP SDG SHP SSP SYP"),
    "fr": _codes("CHF"),
    "rs": _codes("INR LKR MUR NPR PKR SCR"),
    "lei": _codes("MDL RON"),
}

# Letters and signs, but none of which numbers are made. Rs.500 is 500, and $.50 a half.
_NAME = r"(?:s?fr\.|rs\.|kr\.|[^\d\s.,'+-]+)?"
# A price without cents ends in a dash: "5.-", "5,-", "5:-".
_PATTERN = re.compile(
    rf"(?P<minus>[+-]?)\s*(?P<before>{_NAME})\s*(?P<number>[+-]?[\d.,](?:[\d\s.,'eE+-]*\d)?)"
    rf"(?:(?P<point>[.,:])\s?[-\u2013\u2014]{{1,2}})?\s*(?P<after>{_NAME})",
    re.IGNORECASE,
)


def read_amount(text: str, currency: str | None = None) -> tuple[float, str | None]:
    """Return the number of an amount, and its currency.

    Args:
        text: Amount as read, with or without a sign or code of a currency.
        currency: Code of the currency, in capitals, as far as it is known.

    Returns:
        A finite number, and the currency: the given one, or the one that the text names; None if
        neither does.

    Raises:
        ValueError: If the text is not one number or may be two (`tables.numbers.NumberError`); if
            its currency is another than the given one, or may be several.

    >>> read_amount("1.299,00 €"), read_amount("CHF 1'299.\u2013"), read_amount("$5", "CAD")
    ((1299.0, 'EUR'), (1299.0, 'CHF'), (5.0, 'CAD'))
    >>> read_amount("$5")
    Traceback (most recent call last):
    ...
    ValueError: is in one of several currencies: name it in `currency`
    """
    parts = _PATTERN.fullmatch(tidy_number(text))
    names = [name for name in parts.group("before", "after") if name] if parts else []
    if parts is None or len(names) > 1 or (parts["minus"] and parts["number"][0] in "+-"):
        return NumberColumn().read(text), currency
    if not names and not parts["point"]:
        return NumberColumn().read(text), currency
    point = "" if parts["point"] in (None, ":") else f"{parts['point']}00"
    named = _currency_of(names[0], currency) if names else currency
    if named == _UNKNOWN:
        # A word is no currency: the text is refused as no number.
        return NumberColumn().read(text), currency
    return NumberColumn().read(parts["minus"] + parts["number"] + point), named


_UNKNOWN = ""


def _currency_of(name: str, currency: str | None) -> str | None:
    """Return the currency that a sign or code names; `_UNKNOWN` if it names none."""
    sign = name.removesuffix(".").casefold()
    code = sign.upper()
    users = SHARED_SIGNS.get(sign, frozenset())
    if currency in users or code == currency:
        return currency
    found = code if code in CODES else SIGNS.get(sign)
    if found is None and not users:
        return _UNKNOWN
    if found is None and currency is None:
        raise ValueError("is in one of several currencies: name it in `currency`")
    if currency not in (None, found):
        raise ValueError(f"is not in {currency}, which `currency` names")
    return found
