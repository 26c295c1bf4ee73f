import pytest

from experiments.targeting.patterns import compile_pattern, matches


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    # RegExp(pattern).test(value) under Node 20.
    [
        ("a\n", "a$", False),
        ("a$", r"a\$$", True),
        ("a$", "a[$]", True),
        ("٣", r"\d", False),
        ("3", r"^[\d.]$", True),
        ("é", r"\w", False),
        ("[", "[[]", True),
        ("a&b", "[&&]", True),
        ("a]", r"[\]]$", True),
        (None, "^null$", True),
        (["a", 1], "^a,1$", True),
    ],
    ids=str,
)
def test_matches_like_javascript(value, pattern, expected):
    assert matches(value, pattern) is expected


@pytest.mark.parametrize(
    ("value", "pattern", "expected"),
    [("École", "^é", True), ("É", r"^\w", False), ("ABC", r"^[\w]{3}$", True)],
    ids=str,
)
def test_matches_ignoring_case(value, pattern, expected):
    assert matches(value, pattern, ignore_case=True) is expected


def test_matches_no_text_that_is_too_long():
    assert matches("a" * 1_000, "a$")
    assert not matches("a" * 1_001, "a$")


def test_matches_nothing_with_a_pattern_that_is_refused():
    assert not matches("aaaa", "(a+)+")


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("(", "is not a regular expression"),
        ("a{99999999999}", "is not a regular expression"),
        ("(?P<name>a)", "a kind of group that is not portable"),
        ("(?i)a", "a kind of group that is not portable"),
        ("(?>a)", "a kind of group that is not portable"),
        ("a++", "a possessive repeat"),
        (r"\Aa", "what only Python understands"),
        ("a{,3}", "what only Python understands"),
        ("(a|a)*", "repeats a group"),
        ("(?:a{1,9}){9}", "repeats a group"),
        (".*a.*b.*", "more than 2 open-ended repeats"),
        ("a{1,}b{2,9}c+", "more than 2 open-ended repeats"),
    ],
)
def test_compile_refuses_what_is_not_portable_or_slow(pattern, message):
    with pytest.raises(ValueError, match=message):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", [r"\++", r"[*+]\d{4}.*", r"(a|b)?c", "(?=a)(?<!b)a", "[^)]+"])
def test_compile_accepts_what_only_looks_refused(pattern):
    compile_pattern(pattern)
