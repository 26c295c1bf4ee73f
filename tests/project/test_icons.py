"""The admin's font of icons has every icon that a page can name."""

from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import pytest
from fontTools.ttLib import TTFont


@pytest.fixture(scope="module")
def icons(pytestconfig):
    """The script that makes the font."""
    loader = SourceFileLoader("icons", str(pytestconfig.rootpath / ".ci" / "icons"))
    module = module_from_spec(spec_from_loader("icons", loader))
    loader.exec_module(module)
    return module


def test_committed_font_has_the_icons_of_all_pages(icons):
    theirs = TTFont(icons.THEME / "static" / icons.FONT)
    ours = TTFont(icons.PROJECT / "static" / icons.FONT)
    wanted = {name for name, *_ in icons.ligatures_of(theirs)} & icons.wanted_words()
    have = {name for name, *_ in icons.ligatures_of(ours)}
    assert {"science", "ads_click", "more_vert", "logout", "check_small"} <= wanted
    assert wanted - have == set(), "run `make icons`"


def test_font_is_small(icons):
    assert (icons.PROJECT / "static" / icons.FONT).stat().st_size < 30_000
