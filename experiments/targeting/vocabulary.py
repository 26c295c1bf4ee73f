"""Values of the known attributes of visitors, and the spellings that people use for them.

A condition on a value that never occurs takes in nobody, without any error: `phone` where
visitors have `mobile`, `France` where they have `FR`.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any, Final

from babel import Locale, UnknownLocaleError

from experiments.targeting.evaluation import evaluate_condition
from experiments.targeting.languages import spelled
from experiments.targeting.witnesses import EQUALITIES, LISTS, comparisons_in

DEVICES: Final = ("mobile", "tablet", "desktop")
# Attribute -> every value that it has.
CLOSED: Final[Mapping[str, tuple[Any, ...]]] = {"device": DEVICES, "new_visitor": (True, False)}
COUNTRY: Final = "country"
LANGUAGE: Final = "locale"
KNOWN: Final = (*CLOSED, COUNTRY, LANGUAGE)
# Names are understood in these languages.
NAMED_IN: Final = ("en", "fr", "de", "es", "it", "nl", "pt")

_SYNONYMS: Final[Mapping[str, Mapping[str, Any]]] = {
    "device": {
        **dict.fromkeys(
            (
                *("phone", "phones", "smartphone", "smartphones", "cell", "cellphone", "mobiles"),
                *("mobile phone", "telephone", "téléphone", "portable", "handy", "iphone"),
                *("android", "móvil", "cellulare"),
            ),
            "mobile",
        ),
        **dict.fromkeys(("tablets", "tablette", "tablettes", "ipad", "tablet pc"), "tablet"),
        **dict.fromkeys(
            (
                *("pc", "computer", "laptop", "notebook", "desktops", "mac", "ordinateur"),
                *("ordinateur portable", "ordinateur de bureau", "web", "rechner"),
            ),
            "desktop",
        ),
    },
    "new_visitor": {
        **dict.fromkeys(("yes", "y", "oui", "new", "nouveau", "1", "ja", "sí", "vrai"), True),
        **dict.fromkeys(
            (
                *("no", "n", "non", "old", "returning", "0", "nein", "faux"),
                *("ancien", "fidèle", "récurrent"),
            ),
            False,
        ),
    },
    # Codes that are no codes of ISO 3166, and short names.
    COUNTRY: {
        "uk": "GB",
        "england": "GB",
        "great britain": "GB",
        "el": "GR",
        "usa": "US",
        "america": "US",
        "holland": "NL",
        "états unis": "US",
        "etats-unis": "US",
    },
}
# Codes of the list that are no countries: unknown, test accents, unions, Sark.
_NO_COUNTRIES: Final = frozenset({"ZZ", "XA", "XB", "EU", "EZ", "UN", "QO", "CQ"})


class NeverMatchedError(ValueError):
    """A value that no visitor has.

    Attributes:
        attribute: Name of the attribute.
        value: Value that was written.
        meant: Value that was meant; None if it is not known.
    """

    def __init__(self, attribute: str, value: Any, meant: Any) -> None:
        said = f"{attribute}: {value!r} never occurs"
        super().__init__(said if meant is None else f"{said}; did you mean {meant!r}?")
        self.attribute, self.value, self.meant = attribute, value, meant


def check_values(condition: Mapping[str, Any]) -> None:
    """Refuse values of known attributes that no visitor has.

    Args:
        condition: Passed by `validate_condition`.

    Raises:
        NeverMatchedError: For the first such value.

    >>> check_values({"device": "mobile", "plan": "anything"})
    >>> check_values({"$or": [{"country": {"$in": ["FR", "Belgium"]}}]})
    Traceback (most recent call last):
    ...
    experiments.targeting.vocabulary.NeverMatchedError: country: 'Belgium' never occurs; did you \
mean 'BE'?
    """
    for attribute, expected in _parts(condition):
        if attribute in KNOWN:
            for name, operand in comparisons_in(expected):
                _check(attribute, name, operand)


def meant_by(attribute: str, value: Any) -> Any:
    """Return the value that people mean by a word or name; None if it is not known.

    >>> meant_by("device", "Phone"), meant_by("country", "Allemagne"), meant_by("locale", "French")
    ('mobile', 'DE', 'fr')
    """
    text = str(value).strip().casefold()
    found = _SYNONYMS.get(attribute, {}).get(text)
    if found is not None:
        return found
    if attribute in CLOSED:
        return next((one for one in CLOSED[attribute] if str(one).casefold() == text), None)
    names = _codes_by_name(attribute) if attribute in {COUNTRY, LANGUAGE} else {}
    if attribute == COUNTRY and text.upper() in country_codes():
        return text.upper()
    return names.get(text)


@lru_cache(maxsize=1)
def country_codes() -> frozenset[str]:
    """Return the codes of countries (ISO 3166-1 alpha-2).

    >>> "FR" in country_codes(), "EU" in country_codes()
    (True, False)
    """
    territories = [str(code) for code in Locale("en").territories]
    codes = {code for code in territories if len(code) == 2 and code.isalpha()}
    return frozenset(codes - _NO_COUNTRIES)


def names_of(attribute: str, language: str) -> dict[str, str]:
    """Return the values of countries or languages by their names in a language, in its order.

    Args:
        attribute: `country` or `locale`.
        language: Language of the names; English if its names are not known.

    >>> names_of("country", "fr")["Belgique"]
    'BE'
    """
    locale = _locale(language)
    found = {
        name[:1].upper() + name[1:]: code
        for code, name in _names(attribute, locale).items()
        if _is_known(attribute, code)
    }
    return dict(sorted(found.items(), key=lambda item: item[0].casefold()))


def name_of(attribute: str, value: str, language: str) -> str:
    """Return the name of a country or language; the value itself where it has none.

    Args:
        attribute: Name of an attribute; `country` and `locale` have names for their values.
        value: Code, such as `BE` or `fr`.
        language: Language of the name; English if its names are not known.

    >>> name_of("country", "BE", "fr"), name_of("locale", "fr", "en"), name_of("path", "fr", "en")
    ('Belgique', 'French', 'fr')
    """
    if attribute not in (COUNTRY, LANGUAGE):
        return value
    name = _names(attribute, _locale(language)).get(value, value)
    return name[:1].upper() + name[1:] if name != value else value


def _parts(condition: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, operand in condition.items():
        if not key.startswith("$"):
            yield key, operand
            continue
        for inner in operand if isinstance(operand, list) else [operand]:
            yield from _parts(inner)


def _check(attribute: str, name: str, operand: Any) -> None:
    is_list = name in LISTS
    if not is_list and name not in EQUALITIES:
        _check_pattern(attribute, name, operand)
        return
    for value in operand if is_list else [operand]:
        if value is not None and not _occurs(attribute, name, value):
            raise NeverMatchedError(attribute, value, meant_by(attribute, value))


def _check_pattern(attribute: str, name: str, operand: Any) -> None:
    """Refuse a beginning or part that none of the few values of an attribute has."""
    if name not in {"$regex", "$regexi"} or attribute not in CLOSED:
        return
    condition = {attribute: {name: operand}}
    if not any(evaluate_condition(condition, {attribute: one}) for one in CLOSED[attribute]):
        word = operand.removeprefix("^")
        raise NeverMatchedError(attribute, word, meant_by(attribute, word))


def _occurs(attribute: str, name: str, value: Any) -> bool:
    if attribute in CLOSED:
        expected = value if name == "is" else {"$ini" if name.endswith("ini") else "$in": [value]}
        visitors = ({attribute: one} for one in CLOSED[attribute])
        return any(evaluate_condition({attribute: expected}, one) for one in visitors)
    if not isinstance(value, str):
        return False
    code = value.upper() if name in {"$ini", "$nini"} and attribute == COUNTRY else value
    return _is_known(attribute, code)


def _is_known(attribute: str, code: str) -> bool:
    if attribute == COUNTRY:
        return code in country_codes()
    # As it is served: `fr_ca` is a range, `fr-`, `French` and `fr, de` are none.
    language = spelled(code).partition("-")[0]
    is_tag = code.replace("_", "-").lower() == spelled(code).lower()
    return is_tag and len(language) in {2, 3} and language in Locale("en").languages


@lru_cache(maxsize=4)
def _codes_by_name(attribute: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for language in NAMED_IN:
        for code, name in _names(attribute, Locale(language)).items():
            if _is_known(attribute, code):
                found.setdefault(name.casefold(), code)
    return found


@lru_cache(maxsize=16)
def _names(attribute: str, locale: Locale) -> Mapping[str, str]:
    names: Mapping[str, str] = locale.territories if attribute == COUNTRY else locale.languages
    return names if attribute == COUNTRY else {spelled(code): name for code, name in names.items()}


def _locale(language: str) -> Locale:
    try:
        return Locale.parse(spelled(language), sep="-")
    except (UnknownLocaleError, ValueError):
        return Locale("en")
