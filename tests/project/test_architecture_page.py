"""The picture of the architecture is that of the code."""

import importlib.util

import pytest

from tests.project.test_docs import DOCS


@pytest.fixture(scope="module")
def drawing():
    path = DOCS / "draw_architecture.py"
    spec = importlib.util.spec_from_file_location("draw_architecture", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_committed_picture_is_that_of_the_code(drawing):
    page = drawing.PAGE.read_text()
    assert drawing.drawn(page, drawing.import_graph()) == page, "make architecture"


def test_new_import_changes_the_picture(drawing):
    graph = drawing.import_graph()
    importer, imported = (
        "experiments.stats.planning.sample_size",
        "experiments.stats.decision.decide",
    )
    graph.add_import(importer=importer, imported=imported)
    page = drawing.PAGE.read_text()
    assert "  planning --> decision\n" in drawing.drawn(page, graph)


def test_arrow_is_left_out_where_others_lead_to_the_same_place(drawing):
    edges = {"a": {"b", "c", "d"}, "b": {"c"}, "c": {"d"}, "d": set()}
    assert drawing.without_detours(edges) == {"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": set()}


def test_circle_is_refused(drawing):
    with pytest.raises(ValueError, match="a, b import each other in a circle"):
        drawing.without_detours({"a": {"b"}, "b": {"a"}, "c": {"a"}})


def test_page_without_a_place_for_a_picture_is_refused(drawing):
    with pytest.raises(ValueError, match="no place for the picture 'project'"):
        drawing.drawn("# Architecture\n", drawing.import_graph())
