import random
import re

from ml.search.unrelated_texts import N_RANDOM, random_texts, unrelated_texts


def test_texts_are_distinct_and_the_same_at_every_call():
    texts = unrelated_texts()
    assert texts == unrelated_texts()
    assert len(set(texts)) > 0.9 * len(texts)


def test_making_them_leaves_other_random_numbers_alone():
    before = random.getstate()
    unrelated_texts()
    assert random.getstate() == before


def test_random_texts_have_one_to_three_words_of_letters():
    texts = random_texts(N_RANDOM, seed=1)
    assert {len(text.split()) for text in texts} == {1, 2, 3}
    assert all(re.fullmatch("[a-z ]+", text) for text in texts)
    assert texts != random_texts(N_RANDOM, seed=2)
