import pytest

from tables.lines import LineError, read_lines


def counts(text, **options):
    options = {"whole": (True, True), "is_falling": True} | options
    return [(line.name, *line.numbers) for line in read_lines(text, **options)]


RIGHT = [("A", 12_800, 500), ("B", 12_900, 580)]


@pytest.mark.parametrize(
    "text",
    [
        "A 12800 500\nB 12900 580",
        "A\t12800\t500\nB\t12900\t580",
        "A;12800;500\nB;12900;580",
        "A|12800|500\nB|12900|580",
        "A,12800,500\nB,12900,580",
        "A\t12 800\t500\nB\t12\u202f900\t580",
        "A 12\u202f800 500\nB 12\u00a0900 580",
        "A\u00a012800\u00a0500\nB\u00a012900\u00a0580",
        "A 12'800 500\nB 12'900 580",
        "\n  A   12800   500  \n\nB 12900 580\n",
        "Arm\tVisitors\tClicks\nA\t12800\t500\t\t\nB\t12900\t580",
        "name visitors clicks\nA 12800 500\nB 12900 580",
    ],
)
def test_lines_are_read_with_their_right_values(text):
    assert counts(text) == RIGHT


@pytest.mark.parametrize("text", ["A 100,000 5,000\nB 100,000 6,000", "A 10,000 500\nB 11,000 50"])
def test_thousands_of_an_english_page_are_read_and_refused_elsewhere(text):
    right = [int(word.replace(",", "")) for word in text.split() if word[0].isdigit()]
    assert [n for line in counts(text, decimal=".") for n in line[1:]] == right
    for decimal in (None, ","):
        with pytest.raises(LineError) as refused:
            counts(text, decimal=decimal)
        assert (refused.value.line, refused.value.problem) == (1, "ambiguous")


def test_numbers_of_other_lines_are_evidence():
    assert counts("A;12.800;500\nB;12.901;580")[0] == ("A", 12_800, 500)


@pytest.mark.parametrize(
    ("text", "splits"),
    [
        ("A 12 800 500\nB 12 900 580", ("A | 12 800 | 500", "A 12 | 800 | 500")),
        ("Version 2 500 40", ("Version | 2 500 | 40", "Version 2 | 500 | 40")),
    ],
)
def test_line_that_can_be_cut_in_two_ways_is_refused(text, splits):
    with pytest.raises(LineError) as refused:
        counts(text)
    assert (refused.value.line, refused.value.problem) == (1, "several_splits")
    assert refused.value.splits == splits


def test_name_may_end_in_a_number_that_is_no_thousands():
    assert counts("Variante 2 10000 500")[0] == ("Variante 2", 10_000, 500)


def test_clicks_that_exceed_the_visitors_choose_the_other_cut():
    assert counts("A 1 000 000 500 000\nB 2 000 000 600 000") == [
        ("A", 1_000_000, 500_000),
        ("B", 2_000_000, 600_000),
    ]


@pytest.mark.parametrize(
    ("text", "line", "problem", "cell"),
    [
        ("A 100 5\nB many 6", 2, "not_a_number", "many"),
        ("A;100;5\nB;1.5;6", 2, "not_whole", "1.5"),
        ("A;100;5\nB;;6", 2, "empty", ""),
        ("A 100 5\n100 6", 2, "no_numbers", "100 6"),
        ("A 100 5\nB", 2, "no_numbers", "B"),
        ("A,10,000\nB,10,000", 1, "no_numbers", "A,10,000"),
        ("A,²,5\nB,3,4", 1, "not_a_number", "²"),
    ],
)
def test_line_that_cannot_be_read_is_named(text, line, problem, cell):
    with pytest.raises(LineError) as refused:
        counts(text)
    assert (refused.value.line, refused.value.problem, refused.value.text) == (line, problem, cell)


def test_line_of_thousands_of_words_is_read_at_once():
    """Each way to cut it would be millions; a number has ten groups of thousands at most."""
    (line,) = read_lines("A " + "1 " * 5_000, whole=(True, True))
    assert (line.name.count(" "), line.numbers) == (4_998, (1, 1))


@pytest.mark.parametrize(("decimal", "share"), [(",", 33.3), (".", 33.3)])
def test_shares_may_have_decimals(decimal, share):
    text = f"A 5000 {str(share).replace('.', decimal)}\nB 5000 66{decimal}7"
    lines = counts(text, whole=(True, False), is_falling=False)
    assert lines == [("A", 5000, 33.3), ("B", 5000, 66.7)]
