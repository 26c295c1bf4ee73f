import pytest

from experiments.stats.engine.table_columns import control_of, guess_columns
from tables.source import Reading, Row, Table


def table(columns, *rows):
    found = [Row(line=at, cells=row) for at, row in enumerate(rows, start=2)]
    return Table(columns=columns, reading=Reading(kind="text"), rows=lambda: iter(found))


def test_columns_are_guessed_by_name_and_content():
    choice = guess_columns(
        table(
            ("Date", "Groupe", "Visiteurs", "Clics", "Taux", "Note"),
            ("01/10/2026", "A", "1 000", "20", "2,0", "ok"),
            ("01/10/2026", "B", "1 000", "30", "3,5", "-"),
        )
    )
    assert (choice.day, choice.arm, choice.visitors) == ("Date", "Groupe", "Visiteurs")
    assert choice.metrics == ("Clics",)


def test_row_a_visitor_has_flags_and_values():
    choice = guess_columns(
        table(("variant", "user_id", "bought", "revenue", "country"), ("b", "u1", "1", "9.5", "FR"))
    )
    assert (choice.visitor, choice.visitors) == ("user_id", None)
    assert choice.metrics == ("bought", "revenue")


def test_column_with_a_cell_that_is_no_number_is_not_passed_over():
    rows = [("A", "10", "1", "2"), ("B", "10", "n/a", "3"), ("C", "10", "4", "5")]
    choice = guess_columns(table(("arm", "visitors", "clicks", "orders"), *rows))
    assert choice.metrics == ("clicks", "orders")


def test_without_arms_there_is_no_guess():
    assert guess_columns(table(("x", "y"), ("1", "2"))) is None


@pytest.mark.parametrize(
    ("arms", "control"),
    [(["b", "Contrôle"], "Contrôle"), (["B", "A"], "A"), (["red", "blue"], "red")],
)
def test_control_is_known_by_its_name(arms, control):
    assert control_of(arms) == control
