import pytest

from experiments.services.importing.previews import (
    FIRST_ROWS,
    MOST_REMARKS,
    MOST_SHOWN,
    Preview,
    Remark,
    Role,
    check_roles,
    opened,
    roles_of,
)


@pytest.fixture
def table(tmp_path):
    """A table of 30 rows, one of them with a long cell."""
    path = tmp_path / "t.csv"
    rows = ["x,y", f"{'long' * 50},2", *(f"{at},{at}" for at in range(29))]
    path.write_text("\n".join(rows))
    return opened(path, {})


def preview(table, *chosen, is_whole=False):
    roles = (Role(key="a", label="A", is_needed=True), Role(key="b", label="B"))
    return Preview(table=table, roles=roles, chosen=chosen, is_whole=is_whole)


def test_first_rows_are_few_and_their_cells_short(table):
    rows = preview(table, "a", "b").first_rows()
    assert len(rows) == FIRST_ROWS
    assert len(rows[0][1][0]) == MOST_SHOWN + 1


@pytest.mark.parametrize(
    ("chosen", "faults"),
    [
        (("a", "b"), []),
        (("a", ""), []),
        (("", "b"), ["Choose the column of: A"]),
        (("a", "a"), ["Several columns are chosen for: A"]),
    ],
)
def test_roles_are_checked(table, chosen, faults):
    found = preview(table, *chosen)
    check_roles(found)
    assert found.faults == faults


def test_remarks_are_counted_and_the_first_are_kept(table):
    found = preview(table, "a", "b")
    for line in range(MOST_REMARKS + 5):
        found.add(Remark(line=line, text="x", is_refusal=line % 2 == 0))
    assert (len(found.remarks), found.n_remarks) == (MOST_REMARKS, MOST_REMARKS + 5)
    assert found.n_refused == 53


@pytest.mark.parametrize(("is_whole", "may"), [(True, False), (False, True)])
def test_one_refused_line_keeps_out_what_is_whole(table, is_whole, may):
    found = preview(table, "a", "b", is_whole=is_whole)
    found.n_good = 5
    found.add(Remark(line=2, text="x"))
    assert found.may_be_imported is may


def test_chosen_roles_are_of_their_header_only(table):
    options = {"header": ["x", "y"], "roles": ["b", "a"]}
    assert roles_of(table, options, ["a", "b"]) == (("b", "a"), True)
    assert roles_of(table, options | {"header": ["x"]}, ["a", "b"]) == (("a", "b"), False)
