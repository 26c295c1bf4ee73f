import pytest

from tables.labels import LEAST_TOTAL, is_rounded, is_total, plain_name, tidy_name, total_of

A, B = ("A", (1000, 50)), ("B", (1000, 60))


@pytest.mark.parametrize(
    "name", ["Total", "TOTAUX", "Grand Total", "Total général", "Sous-total", "Gesamtergebnis"]
)
def test_row_that_a_pivot_table_adds_is_a_total(name):
    assert is_total(name)
    assert is_total(name, may_be_wording=True)
    assert total_of([A, B, (name, (7, 7))]) == name


@pytest.mark.parametrize("name", ["All", "Ensemble", "Summe"])
def test_word_that_may_be_a_wording_is_a_total_among_arms_only(name):
    assert is_total(name)
    assert not is_total(name, may_be_wording=True)


@pytest.mark.parametrize("name", ["Total comfort", "Totally free", "Sum it up", "A", ""])
def test_other_name_is_no_total(name):
    assert not is_total(name)
    assert total_of([A, B, (name, (7, 7))]) is None


@pytest.mark.parametrize("name", ["A total", "Total A", "Sous-total b"])
def test_total_of_one_arm_is_one(name):
    assert total_of([A, (name, (1000, 50)), B]) == name


def test_total_of_any_name_is_found_by_its_numbers():
    assert total_of([A, B, ("Tous", (2000, 110))]) == "Tous"
    assert total_of([A, B, ("Tous", (2000, 111))]) is None
    # Half of the traffic, and two arms of a quarter: few visitors may be such sums by chance.
    few = LEAST_TOTAL // 2 - 1
    assert total_of([("A", (few,)), ("B", (few,)), ("C", (2 * few,))]) is None
    assert total_of([("A", (1000, 50)), ("B", (1000, 50))]) is None
    assert total_of([]) is None


def test_names_that_look_alike_are_one():
    assert tidy_name("Te\u0301moin") == tidy_name("Témoin ") == "Témoin"
    assert tidy_name("New\u00a0 one") == "New one"
    assert tidy_name("NEW") != tidy_name("new")
    assert plain_name("Nom-du test") == plain_name("nom_du_TEST")


@pytest.mark.parametrize("cell", ["1.23457E+18", "1,2E+17", "5E+15", 10**15, 1.234e18, -(10**16)])
def test_id_that_a_spreadsheet_has_rounded_is_one(cell):
    assert is_rounded(cell)


@pytest.mark.parametrize("cell", ["1234567890123456789", "12e4", "a1e+10", 10**15 - 1, True, None])
def test_id_with_all_its_digits_is_none(cell):
    assert not is_rounded(cell)
