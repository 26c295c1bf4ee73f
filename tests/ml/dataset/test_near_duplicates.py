from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.dataset.near_duplicates import find_duplicates, tokenise


def families(texts, edges):
    """Sets of positions that the edges connect, by brute force."""
    label = list(range(len(texts)))
    for _ in texts:
        for first, second in edges:
            label[first] = label[second] = min(label[first], label[second])
    return label


def all_pairs(texts, threshold):
    sets = [set(tokenise(text)) for text in texts]
    return [
        (i, j)
        for i, j in combinations(range(len(texts)), 2)
        if len(sets[i] & sets[j]) >= threshold * len(sets[i] | sets[j])
    ]


texts_of_few_words = st.lists(
    st.lists(st.sampled_from("abcdefghijkl"), min_size=1, max_size=12).map(" ".join), max_size=12
)


@given(texts=texts_of_few_words, threshold=st.sampled_from([0.5, 0.75, 0.9, 1.0]))
def test_duplicates_connect_what_all_pairs_connect(texts, threshold):
    found = list(find_duplicates(texts, threshold=threshold))
    assert families(texts, found) == families(texts, all_pairs(texts, threshold))
    assert set(found) <= set(all_pairs(texts, threshold))


def test_ten_words_of_eleven_are_a_duplicate_and_nine_of_ten_too():
    eleven = "one two three four five six seven eight nine ten eleven"
    ten = eleven.removesuffix(" eleven")
    assert list(find_duplicates([eleven, ten])) == [(0, 1)]
    assert list(find_duplicates([ten, ten.removesuffix(" ten")])) == [(0, 1)]
    assert list(find_duplicates(["one two three", "one two"])) == []


def test_case_and_punctuation_do_not_hide_a_duplicate_but_accents_matter():
    assert list(find_duplicates(["Achète !", "achète", "achete"])) == [(0, 1)]


def test_wordings_without_letters_are_equal_only_to_themselves():
    assert list(find_duplicates(["👉", "→", "👉 "])) == [(0, 2)]


@pytest.mark.parametrize("threshold", [0, -0.1, 1.1])
def test_threshold_outside_its_range_is_refused(threshold):
    with pytest.raises(ValueError, match=r"threshold: .* is outside"):
        list(find_duplicates([], threshold=threshold))
