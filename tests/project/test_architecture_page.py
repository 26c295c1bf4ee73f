import importlib.util

import pytest


@pytest.fixture(scope="module")
def drawing(pytestconfig):
    path = pytestconfig.rootpath / "docs" / "draw_architecture.py"
    spec = importlib.util.spec_from_file_location("draw_architecture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pictures_are_what_the_code_gives_today(drawing):
    page = drawing.PAGE.read_text()
    assert drawing.drawn(page) == page, "run `make architecture`"


def test_arrows_that_follow_from_others_are_left_out(drawing):
    graph = {"a": {"b", "c"}, "b": {"c"}, "c": set()}
    assert drawing.reduced(graph) == {"a": {"b"}, "b": {"c"}, "c": set()}


def test_paths_on_the_page_exist(pytestconfig, drawing):
    root = pytestconfig.rootpath
    flows = drawing.PAGE.read_text().partition("## Borders")[0]
    folders = [word for word in flows.split("`") if word.startswith(("experiments/", "ml/"))]
    assert len(folders) > 20
    assert [folder for folder in folders if not (root / folder).exists()] == []
