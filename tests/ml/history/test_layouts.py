import pytest

from ml.history.layouts import layout_of


@pytest.mark.parametrize(
    "columns",
    [
        ["test", "text", "visitors", "clicks"],
        ["Test", "Wording", "Impressions", "Clicks"],
        ["test-id", "TEXT", " visitors ", "clicks"],
        ["Expérience", "Libellé", "Visiteurs", "Clics"],
    ],
)
def test_columns_are_found_by_any_of_their_names(columns):
    layout = layout_of(columns, "ctaopt")
    assert layout.missing == ()
    assert layout.places == {"test": 0, "text": 1, "visitors": 2, "clicks": 3}
    assert layout.names["visitors"] == columns[2]


def test_missing_columns_are_named():
    assert layout_of(["test", "clicks"], "ctaopt").missing == (
        "text or wording or texte or libelle or formulation",
        "visitors or impressions or visiteurs",
    )


def test_column_that_stands_twice_is_named():
    layout = layout_of(["test", "text", "visitors", "clicks", "Clicks", "note", "note"], "ctaopt")
    assert layout.twice == ("clicks",)
