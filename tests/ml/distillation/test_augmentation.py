import numpy as np

from ml.distillation.augmentation import vary

WORDS = ["free", "now", "guide", "book", "try", "my", "offer", "?", "start", "get"]


def wordings(n):
    rng = np.random.default_rng(3)
    return [" ".join(rng.choice(WORDS, size=rng.integers(2, 7))) for _ in range(n)]


def test_variations_are_made_of_the_words_of_the_texts():
    texts = wordings(50)
    made = vary(texts, 200, rng=np.random.default_rng(1))
    assert 100 < len(made) <= 200
    assert len(set(made)) == len(made)
    assert {word for text in made for word in text.split()} <= set(WORDS)
    assert all(made)


def test_single_words_have_no_variations():
    assert vary(["Go", "Try", ""], 10, rng=np.random.default_rng(1)) == []
