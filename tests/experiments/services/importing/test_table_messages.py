from typing import get_args

import pytest
from django.utils import translation

from experiments.services.importing.table_messages import (
    arm_table_error_in_words,
    reading_in_words,
    table_error_in_words,
)
from experiments.stats.engine.table_rows import ArmTableError, Problem
from tables.source import Reading, TableError, TableProblem


@pytest.mark.parametrize("problem", get_args(TableProblem))
def test_every_problem_of_a_file_has_a_sentence_in_both_languages(problem):
    sentences = set()
    for language in ("en", "fr"):
        with translation.override(language):
            sentences.add(table_error_in_words(TableError(problem, "")))
    assert len(sentences) == 2


@pytest.mark.parametrize("problem", get_args(Problem))
def test_every_problem_of_an_analyst_s_table_has_a_sentence(problem):
    error = ArmTableError(problem, "12", column="Clics", line=1_234)
    with translation.override("fr"):
        (sentence,) = arm_table_error_in_words(error)
    assert sentence.startswith("Ligne 1\u00a0234\u00a0: ")


def test_faults_of_rows_are_named_one_by_one():
    faults = [ArmTableError("no_arm", line=line) for line in (3, 5)]
    error = ArmTableError("bad_rows", "2", faults=faults)
    assert arm_table_error_in_words(error) == [
        "These rows cannot be read (2):",
        "Line 3: has no arm.",
        "Line 5: has no arm.",
    ]


def test_reading_of_a_text_is_said():
    reading = Reading(
        kind="text",
        encoding="cp1252",
        is_encoding_certain=False,
        delimiter="\t",
        lines_before=2,
    )
    assert list(reading_in_words(reading)) == [
        "Encoding: cp1252, the likeliest",
        "Separator of columns: tab",
        "2 lines before the header are passed over.",
    ]


def test_reading_of_a_workbook_names_what_is_left_out():
    reading = Reading(
        kind="workbook", sheet="Tests", sheets=("Tests", "x"), left_out=("macros", "links")
    )
    sheet, others, macros, links = reading_in_words(reading)
    assert (sheet, others) == ("Sheet: Tests", "1 more sheet is not read.")
    assert "macros" in macros
    assert "links" in links


def test_numbers_of_faults_are_written_in_the_reader_s_language():
    problems = {"bad_rows": "1234", "many_arms": "1000", "above_visitors": "12.5"}
    with translation.override("fr"):
        shown = [*map(arm_table_error_in_words, map(ArmTableError, problems, problems.values()))]
    for (sentence,), number in zip(shown, ("1\u00a0234", "1\u00a0000", "12,5"), strict=True):
        assert number in sentence
