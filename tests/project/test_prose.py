"""The prose rules of CONTRIBUTING, as far as a pattern can check them."""

import ast
import re
import subprocess
from dataclasses import dataclass

import pytest

SOURCES = ("accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables")
# A module's first line names its content with a noun; it asks no question.
QUESTION_WORDS = r"(?:What|How|Who|Whom|Whose|Why|Where|Which|Whether|When)"
MODULE_OPENING = re.compile(rf"{QUESTION_WORDS}\b")
# An entry of Args or Attributes begins with a noun: "Rank of this process.", not "Of this process."
OF_ENTRY = re.compile(r"^ +\w+: Of\b", re.MULTILINE)
# Turns that cost a reader a second pass, one pattern each.
MANNERISMS = {
    "a sentence without a main clause": rf"(?:\A|[.!?:]\s+|^\s+){QUESTION_WORDS}\b[^?\n]*\.\s*$",
    "a thing that says": r"\bsays?\b",
    "a thing that is told or tells": r"\b(?:tells?|told|hears?|believes?)\b",
    "'is no X'": r"\b(?:is|are) no (?!longer\b|more\b|less\b)[a-z]+",
    "fronted 'Of'": r"(?:\A|[.:;]\s+)Of [a-z]",
    "whoever, whatever, whom": r"\b(?:whoever|whatever|whom)\b",
    "'so many' for N": r"\bso (?:many|much|few|long)\b(?! as\b)(?! that\b)",
    "'else' for otherwise": r"[,;] else\b",
    "a door for an entrance": r"\bdoors?\b",
}
# Of all docstrings; a pattern may hit a sentence that is right.
MOST_MARKED = 0.01


@dataclass(frozen=True)
class Docstring:
    where: str
    text: str
    is_module: bool


@pytest.fixture(scope="module")
def docstrings(pytestconfig):
    root = pytestconfig.rootpath
    listed = subprocess.run(
        ["git", "ls-files", "--", *(f"{folder}/**.py" for folder in SOURCES)],  # noqa: S607
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        Docstring(
            where=f"{path}:{getattr(node, 'lineno', 1)}",
            text=text,
            is_module=isinstance(node, ast.Module),
        )
        for path in listed
        if "/migrations/" not in path and (root / path).exists()
        for node in ast.walk(ast.parse((root / path).read_text()))
        if isinstance(node, kinds) and (text := ast.get_docstring(node))
    ]


def test_module_docstrings_begin_with_a_noun(docstrings):
    asking = [
        f"{each.where}: {each.text.splitlines()[0]}"
        for each in docstrings
        if each.is_module
        and (MODULE_OPENING.match(each.text) or each.text.splitlines()[0].endswith("?"))
    ]
    assert asking == []


def test_no_entry_of_a_docstring_begins_with_of(docstrings):
    assert [each.where for each in docstrings if OF_ENTRY.search(each.text)] == []


def test_mannerisms_are_rare(docstrings):
    marked = [
        f"{each.where}: {name}: {match.group().strip()}"
        for each in docstrings
        for name, pattern in MANNERISMS.items()
        if (match := re.search(pattern, each.text, re.MULTILINE))
    ]
    assert len({row.split(": ")[0] for row in marked}) < MOST_MARKED * len(docstrings), "\n".join(
        marked
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a sentence without a main clause", "Whether the effect depends on the weekday."),
        ("a thing that says", "Return a report as its page says it."),
        ("a thing that is told or tells", "Layers are told how far apart words are."),
        ("'is no X'", "Refuse what is no range of addresses."),
        ("fronted 'Of'", "Of a rate it is the number of visitors."),
        ("whoever, whatever, whom", "Whoever stores one calls this first."),
        ("'so many' for N", "From so many deliveries on an entry is stored alone."),
        ("'else' for otherwise", "The reason, else None."),
        ("a door for an entrance", "The door must refuse events of that day."),
    ],
)
def test_pattern_finds_its_mannerism(name, text):
    assert re.search(MANNERISMS[name], text, re.MULTILINE | re.IGNORECASE)
