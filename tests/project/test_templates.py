"""The layout of templates, and what a strict content security policy forbids in them."""

import re
from collections import Counter

import pytest
from django.forms import Select
from django.forms.renderers import DjangoTemplates
from pytest_django.asserts import assertHTMLEqual

MOST_CHARACTERS = 120
# An attribute such as onclick="...", wherever the markup is made.
INLINE_HANDLER = re.compile(r"""[\s"']on[a-z]+=\\?["']""")
# Tables that a phone has room for, and the theme's, which is no table there.
NARROW_TABLES = {
    "templates/admin/change_list_results.html",
    "templates/admin/experiments/wizard/plan.html",
    "templates/admin/index.html",
}
SCRIPT_ADDRESS = re.compile(r"""=\\?["']javascript:""", re.IGNORECASE)


@pytest.fixture(scope="module")
def templates(pytestconfig):
    root = pytestconfig.rootpath
    paths = sorted((root / "templates").rglob("*.html"))
    assert paths
    return {path.relative_to(root).as_posix(): path.read_text() for path in paths}


def test_no_line_of_a_template_is_too_long(templates):
    long = [
        f"{name}:{number}"
        for name, text in templates.items()
        for number, line in enumerate(text.splitlines(), start=1)
        if len(line) > MOST_CHARACTERS
    ]
    assert long == []


def test_wide_tables_scroll_beside_the_page(templates):
    without = {
        name
        for name, text in templates.items()
        if name.startswith("templates/admin/") and "<table" in text and "cta-scroll" not in text
    }
    assert without == NARROW_TABLES


def test_labels_of_fields_begin_with_a_capital_letter(templates):
    """Names of the model's fields do not: `icon` beside `Form`."""
    plain = {
        f"{name}: {label}"
        for name, text in templates.items()
        for label in re.findall(r"\{\{ ([\w.]+\.label) \}\}", text)
    }
    assert plain == {
        # Words of a file, and choices.
        "templates/admin/experiments/import_columns.html: column.label",
        "templates/shared/select_options.html: option.label",
    }


def test_no_markup_has_an_inline_handler(templates, pytestconfig):
    modules = {
        path.relative_to(pytestconfig.rootpath).as_posix(): path.read_text()
        for package in ("accounts", "ctaopt", "ctaopt_django", "experiments", "ml", "tables")
        for path in (pytestconfig.rootpath / package).rglob("*.py")
    }
    guilty = [
        name
        for name, text in (templates | modules).items()
        if INLINE_HANDLER.search(text) or SCRIPT_ADDRESS.search(text)
    ]
    assert guilty == []


@pytest.mark.parametrize(
    "markup",
    [
        """<a onclick="go()">""",
        """<select\n  onchange='send()'>""",
        r""" '<a href="{}"onfocus=\"go()\">' """,
    ],
    ids=["double quotes", "single quotes", "escaped"],
)
def test_inline_handler_is_recognised(markup):
    assert INLINE_HANDLER.search(markup)


@pytest.mark.parametrize("value", ["b", None, "<c>"])
def test_options_are_those_of_django(value):
    choices = [("a", "A"), ("Group & co", [("b", "B"), ("<c>", "<C>")])]
    widget = Select(attrs={"id": "id_x", "required": True}, choices=choices)
    ours = widget.render("x", value)
    assertHTMLEqual(ours, widget.render("x", value, renderer=DjangoTemplates()))
    assert ours.count("selected") == (value is not None)


def test_class_of_a_component_is_styled_in_one_rule(pytestconfig):
    """A second rule would be another component's: a bar's dot once lay over the end of a test."""
    sheet = pytestconfig.rootpath / "experiments/static/experiments/pages.css"
    rules = re.findall(r"^(\.cta-[\w-]+) \{", sheet.read_text(), re.MULTILINE)
    assert len(rules) > 50
    assert [name for name, times in Counter(rules).items() if times > 1] == []
