import csv
import io

import openpyxl
import pytest
from django.utils import translation

from experiments.services.learning.ranking_tables import ranking_file
from tests.experiments.services.learning.test_ranking_presentation import (
    CONTROL,
    REFUSED,
    RIVAL,
    outcome,
)

ASKED = {"locale": "en", "form": "", "placement": ""}
WORDS = [{"word": "Get", "effect": -0.02}, {"word": "guide", "effect": 0.05}]


@pytest.fixture
def ranking():
    # A wording that a spreadsheet would take for a formula.
    rival = RIVAL | {"text": "=Get my guide", "words": [*WORDS, {"word": "my", "effect": 0.0}]}
    return outcome(REFUSED, CONTROL, rival)


def test_csv_has_the_wordings_best_first_with_their_reasons(ranking):
    text = ranking_file(ranking, ASKED, file_format="csv").decode("utf-8-sig")
    header, first, second, third = csv.reader(io.StringIO(text))
    assert header[:2] == ["Rank", "Wording"]
    assert first[:7] == ["1", "'=Get my guide", "", "0.61", "0.1", "-0.2", "0.5"]
    assert first[7] == "guide (+0.050), Get (-0.020)"
    # The control beats itself by no chance.
    assert second[:4] == ["2", "Send", "yes", ""]
    assert third[1] == "<b>"
    assert third[3] == ""
    assert "HTML" in third[8]


def test_csv_for_french_spreadsheets_has_their_signs(ranking):
    with translation.override("fr"):
        text = ranking_file(ranking, ASKED, file_format="csv").decode("utf-8-sig")
    assert text.splitlines()[1].startswith("1;'=Get my guide;;0,61;0,1;-0,2;0,5;")


def test_workbook_has_numbers_as_numbers_and_no_formula(ranking):
    file = io.BytesIO(ranking_file(ranking, ASKED, file_format="xlsx"))
    rows = list(openpyxl.load_workbook(file).active.iter_rows(min_row=2))
    number, wording, _, chance, lift, *_ = (cell.value for cell in rows[0])
    assert (number, wording, chance, lift) == (1, "=Get my guide", 0.61, 0.1)
    assert rows[0][1].data_type == "s"
    assert rows[0][3].number_format == "0.00%"
