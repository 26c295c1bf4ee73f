"""The layout of templates, and what a strict content security policy forbids in them."""

import re

import pytest
from django.forms import Select
from django.forms.renderers import DjangoTemplates
from pytest_django.asserts import assertHTMLEqual

MOST_CHARACTERS = 120
# An attribute such as onclick="...", wherever the markup is made.
INLINE_HANDLER = re.compile(r"""[\s"']on[a-z]+=\\?["']""")
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
