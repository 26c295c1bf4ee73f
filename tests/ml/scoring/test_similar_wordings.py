import numpy as np
import pytest

from ml.scoring.similar_wordings import PastWording, WordIndex, nearest_wordings, past_wordings
from tests.ml.factories import arm_row, groups_of


def past():
    return past_wordings(
        groups_of(
            arm_row("1", "Go", 1000, 60, locale="en"),
            arm_row("1", "Try", 1000, 20, locale="en"),
            arm_row("2", "Go", 5000, 100),
            arm_row("2", "Buy", 5000, 300),
        )
    )


def test_lift_is_over_the_pooled_rate_of_the_group():
    assert [round(each.lift_in_test, 3) for each in past()] == [0.5, -0.5, -0.5, 0.5]


def test_nearest_shows_each_wording_once_with_its_best_evidence():
    found = nearest_wordings(np.array([0.9, 0.5, 0.9, 0.1], dtype=np.float32), past(), 3)
    assert [(near.text, near.visitors) for near in found] == [
        ("Go", 5000),
        ("Try", 1000),
        ("Buy", 5000),
    ]
    assert found[0].click_rate == 0.02
    assert found[1].locale == "en"


def test_nearest_leaves_out_what_shares_nothing():
    found = nearest_wordings(np.array([0.0, 0.5, -0.1, 0.0], dtype=np.float32), past(), 3)
    assert [near.text for near in found] == ["Try"]


def test_nearest_of_very_many_are_those_of_a_full_sort():
    rng = np.random.default_rng(5)
    many = past_wordings(
        groups_of(*(arm_row(f"{n // 2}", f"word {n}", 1000 + n % 7, 10) for n in range(600)))
    )
    # Many are equally near: the first of them, by the order of the past, are looked at.
    likeness = rng.integers(0, 20, size=600).astype(np.float32) / 20
    looked_at = np.argsort(-likeness, kind="stable")[:96]
    order = sorted(looked_at, key=lambda at: (-round(float(likeness[at]), 3), -many[at].visitors))
    expected = [many[at].text for at in order[:3]]
    assert [near.text for near in nearest_wordings(likeness, many, 3)] == expected


def test_without_vectors_the_words_in_common_tell_the_offer():
    index = WordIndex(
        [
            PastWording(
                text=text, test="t1", locale="fr", visitors=5_000, clicks=200, lift_in_test=0.1
            )
            for text in ("Télécharger le guide PDF", "Obtenir un devis")
        ]
    )
    found = index.likeness(["Recevoir le guide", "Voir le guide PDF"])
    assert found.tolist() == pytest.approx([2 / 4, 0.0])
