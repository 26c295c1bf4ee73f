import pytest

from experiments.services.importing.wording_rows import read_row, role_of
from tables.source import Row


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("fr", "wording:fr"),
        ("pt_br", "wording:pt-BR"),
        ("Français", "wording:fr"),
        ("Wording EN", "wording:en"),
        ("Libellé (fr)", ""),
        ("Nom", "name"),
        ("Étiquettes", "tags"),
        ("URL", "destination"),
        ("Go", ""),
        ("x", ""),
        ("", ""),
    ],
)
def test_role_of_a_column_is_told_by_its_name(name, role):
    assert role_of(name) == role


def test_row_is_read_by_the_roles_of_its_columns():
    roles = ("wording:fr", "form", "size", "tags", "")
    read = read_row(roles, Row(line=2, cells=("Oui", "Bouton", "grand", "a, b", "x")), {})
    assert (read.wordings, read.tags, read.problems) == ({"fr": "Oui"}, ("a", "b"), [])
    assert read.values == {"form": "button", "size": "large", "name": "Oui"}
