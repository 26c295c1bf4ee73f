import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st

from tables.numbers import NumberColumn, NumberError

# Decimal and group characters of these differ: comma, dot, space, narrow space, apostrophe, Indian.
LOCALES = ["en_US", "fr_FR", "de_DE", "de_CH", "en_IN", "pl_PL", "pt_BR", "sv_SE", "it_CH", "en_ZA"]


def possible_values(column, text):
    """Return the value that a column reads, or those between which it does not decide."""
    try:
        return (column.read(text),)
    except NumberError as error:
        return error.readings


@pytest.mark.parametrize("locale", LOCALES)
@given(numbers=st.lists(st.decimals(0, 10**9, places=2), min_size=1, max_size=8))
def test_column_written_by_a_locale_is_read_or_refused(locale, numbers):
    texts = [format_decimal(number, "#,##0.00", locale=locale) for number in numbers]
    if locale == "en_IN":
        texts = [format_decimal(number, locale=locale) for number in numbers]
    column = NumberColumn()
    column.learn(texts)
    for text, number in zip(texts, numbers, strict=True):
        assert float(number) in possible_values(column, text)


@pytest.mark.parametrize("locale", LOCALES)
@given(counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=8))
def test_counts_written_by_a_locale_are_read_or_refused(locale, counts):
    texts = [format_decimal(count, locale=locale) for count in counts]
    column = NumberColumn(whole=True)
    column.learn(texts)
    for text, count in zip(texts, counts, strict=True):
        assert count in possible_values(column, text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1299", 1299),
        ("1 299,00", 1299),
        ("1\u202f299,00", 1299),
        ("1\u00a0299.5", 1299.5),
        ("1\u2019299.50", 1299.5),
        ("1.299,00", 1299),
        ("1,299.00", 1299),
        ("12,34,567", 1234567),
        ("49,90", 49.9),
        ("49.90", 49.9),
        (",5", 0.5),
        ("0,125", 0.125),
        ("\u221212", -12),
        ("+3", 3),
        ("1e-05", 0.00001),
        (" 7 ", 7),
        ("\uff11\uff12", 12),
        ("\u0661\u0662\u066b\u0665", 12.5),
    ],
)
def test_number_with_one_reading_is_read_alone(text, value):
    assert NumberColumn().read(text) == value


@pytest.mark.parametrize("text", ["1.234", "1,234", "999,000", "12.345"])
def test_number_with_two_readings_is_refused(text):
    with pytest.raises(NumberError, match=r"may be .* or .*: write it without") as refused:
        NumberColumn().read(text)
    assert refused.value.problem == "ambiguous"
    assert len(refused.value.readings) == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty"),
        ("  ", "empty"),
        ("n/a", "not_a_number"),
        ("12 34", "not_a_number"),
        ("1.23.456", "not_a_number"),
        ("1,2,3", "not_a_number"),
        ("1_000", "not_a_number"),
        ("12 %", "not_a_number"),
        ("1e999", "not_a_number"),
        ("nan", "not_a_number"),
        ("inf", "not_a_number"),
        ("9" * 41, "not_a_number"),
        ("1 299 00", "not_a_number"),
        ("0x10", "not_a_number"),
    ],
)
def test_text_that_is_no_number_is_refused(text, problem):
    with pytest.raises(NumberError) as refused:
        NumberColumn().read(text)
    assert refused.value.problem == problem


@pytest.mark.parametrize(
    ("evidence", "decimal", "group"),
    [
        (["1.234.567"], ",", "."),
        (["1.234,5"], ",", "."),
        (["1234,5"], ",", None),
        (["1 234"], None, " "),
        (["1,234,567"], ".", ","),
        (["12"], None, None),
        (["1.234"], None, None),
    ],
)
def test_column_tells_its_characters(evidence, decimal, group):
    column = NumberColumn()
    column.learn(evidence)
    assert (column.decimal, column.group) == (decimal, group)


def test_cells_of_a_column_tell_each_other_apart():
    column = NumberColumn()
    column.learn(["1.234", "2.345,50", "n/a"])
    assert [column.read(text) for text in ("1.234", "2.345,50", "12")] == [1234, 2345.5, 12]


def test_column_that_contradicts_itself_is_read_cell_by_cell():
    column = NumberColumn()
    column.learn(["1.234,5", "1,234.5"])
    assert (column.read("1.234,5"), column.read("1,234.5")) == (1234.5, 1234.5)
    with pytest.raises(NumberError):
        column.read("1,234")


@pytest.mark.parametrize(
    ("text", "count"), [("1.234", 1234), ("12,345", 12345), ("12.0", 12), ("12,00", 12)]
)
def test_count_is_never_a_fraction(text, count):
    assert NumberColumn(whole=True).read_count(text) == count


@pytest.mark.parametrize("text", ["12.5", "0,5", "1.5e3", "0.500"])
def test_fraction_is_no_count(text):
    with pytest.raises(NumberError) as refused:
        NumberColumn(whole=True).read(text)
    assert refused.value.problem == "not_whole"


@pytest.mark.parametrize(
    ("decimal", "text", "value"),
    [(".", "1,234", 1234), (",", "1,234", 1.234), (",", "1.234", 1234), (".", "1.234", 1.234)],
)
def test_named_decimal_character_settles_what_the_column_leaves_open(decimal, text, value):
    assert NumberColumn(decimal=decimal).read(text) == value


@pytest.mark.parametrize(("decimal", "text"), [(".", "100.000"), (",", "100,000")])
def test_count_with_three_decimals_is_refused_whatever_the_language(decimal, text):
    with pytest.raises(NumberError) as refused:
        NumberColumn(whole=True, decimal=decimal).read(text)
    assert refused.value.readings == (100, 100_000)


def test_evidence_of_the_column_goes_before_the_language():
    column = NumberColumn(decimal=".")
    column.learn(["1.234,5"])
    assert column.read("2.345") == 2345
