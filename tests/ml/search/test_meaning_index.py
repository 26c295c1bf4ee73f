import numpy as np
import pytest

from ml.encoders.sentence_encoder import load_encoder
from ml.history.archived_test import ArchivedTest
from ml.search.meaning_index import build_index, search_index
from tests.ml.factories import HashEncoder

# In degrees.
ANGLES = {
    "east": 0,
    "nearly east": 10,
    "north-east": 45,
    "north": 90,
    "slightly left": 100,
    "left": 120,
    "far left": 175,
    "west": 180,
    "south": 270,
}


class Plane:
    """An encoder of two dimensions: a text is the angle that it names."""

    name, fingerprint, dimension = "plane", "a" * 64, 2

    def encode(self, texts, *, progress=None):
        angles = np.radians([ANGLES[text] for text in texts])
        return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def archived(test, *texts, site=1):
    return ArchivedTest(test=test, site=site, texts=texts)


COMPASS = (
    archived(1, "west", "nearly east"),
    archived(2, "north"),
    archived(3, "west"),
    archived(4, "east", site=2),
    archived(5, "north-east"),
)


def found(index, *texts, **asked):
    queries = Plane().encode(texts)
    return search_index(index, queries, **{"sites": (1, 2), "count": 10} | asked)


@pytest.fixture
def compass():
    return build_index(COMPASS, Plane(), stamp="s", strangers=())


def test_nearest_tests_come_first_each_once_by_its_nearest_text(compass):
    best, second, third = found(compass, "east")
    assert (best.test, best.text, round(best.likeness, 5)) == (4, "east", 1.0)
    assert (second.test, second.text) == (1, "nearly east")
    assert second.likeness == pytest.approx(np.cos(np.radians(10)), abs=1e-6)
    assert (third.test, third.likeness) == (5, pytest.approx(np.sqrt(0.5), abs=1e-6))


def test_tests_less_than_half_way_to_the_nearest_are_left_out(compass):
    # Of site 1: west -1, nearly east 0.98, north 0, west -1, north-east 0.71; the mean is -0.06.
    assert [one.test for one in found(compass, "east", sites=(1,))] == [1, 5]


def test_sites_that_may_not_be_seen_and_the_test_itself_are_not_found(compass):
    assert 4 not in {one.test for one in found(compass, "east", sites=(1,))}
    assert [one.test for one in found(compass, "east", sites=(2,))] == [4]
    assert 1 not in {one.test for one in found(compass, "nearly east", without=1)}
    assert found(compass, "east", sites=()) == ()
    assert found(compass, "east", sites=(3,)) == ()


def test_a_test_is_near_if_it_is_near_to_any_of_the_texts(compass):
    likeness = {one.test: round(one.likeness, 5) for one in found(compass, "west", "north")}
    assert likeness[2] == likeness[3] == likeness[1] == 1.0


def test_count_limits_what_is_found(compass):
    assert len(found(compass, "east", count=2)) == 2


def test_texts_are_encoded_once_also_by_a_later_index():
    first, second = HashEncoder(), HashEncoder()
    rows = [archived(1, "Go now", "Try it"), archived(2, "Go now", " ")]
    before = build_index(rows, first, stamp="1", strangers=())
    after = build_index(
        [*rows[1:], archived(3, "More")], second, stamp="2", before=before, strangers=()
    )
    assert (first.encoded, second.encoded) == (["Go now", "Try it"], ["More"])
    assert (after.texts, after.stamp) == (("Go now", "More"), "2")
    np.testing.assert_allclose(after.vectors, HashEncoder().encode(["Go now", "More"]), atol=1e-6)
    assert after.tests.tolist() == [2, 3]


def test_index_of_another_encoder_is_not_used():
    before = build_index([archived(1, "Go now")], HashEncoder(seed=1), stamp="1")
    other = HashEncoder(seed=2)
    after = build_index([archived(1, "Go now")], other, stamp="1", before=before, strangers=())
    assert other.encoded == ["Go now"]
    assert after.fingerprint == other.fingerprint


def test_large_archive_is_taken_in_step_by_step():
    rows = [archived(n, f"text {n}") for n in range(5)]
    index, sizes, stamps = None, [], []
    for _ in range(3):
        index = build_index(rows, HashEncoder(), stamp="s", before=index, most_fresh=2)
        sizes.append(len(index.texts))
        stamps.append(index.stamp)
    assert (sizes, stamps) == ([2, 4, 5], ["", "", "s"])


def test_empty_archive_has_an_index_that_finds_nothing():
    index = build_index([], HashEncoder(), stamp="s")
    queries = HashEncoder().encode(["Go"])
    assert search_index(index, queries, sites=(1,), count=5) == ()


def test_what_is_no_nearer_than_unrelated_texts_is_not_found():
    rows = (archived(1, "east"), archived(2, "north"))
    index = build_index(rows, Plane(), stamp="s", strangers=("left",))
    # Left is 30 degrees from north: a cosine of 0.866.
    assert index.unrelated_best.tolist() == pytest.approx([np.cos(np.radians(30))], abs=1e-6)
    assert [one.test for one in found(index, "nearly east")] == [1]
    assert found(index, "left") == ()
    assert found(index, "north-east") == ()


def test_nearness_is_told_by_the_most_alike_unrelated_text():
    rows = (archived(1, "east"), archived(2, "north"))
    # South is 90 degrees from the nearest: a cosine of 0, so half way to the same text is 0.5.
    index = build_index(rows, Plane(), stamp="s", strangers=("south",))
    assert {one.nearness for one in found(index, "nearly east")} == {"very_close"}
    assert {one.nearness for one in found(index, "left")} == {"very_close"}
    # The unrelated text has a cosine of 0.17 to the west, so half way is 0.59; left has 0.5.
    far = build_index((archived(1, "west"),), Plane(), stamp="s", strangers=("slightly left",))
    assert [one.nearness for one in found(far, "left")] == ["close"]


def test_nearness_is_loose_where_an_unrelated_text_is_nearer_to_something():
    rows = (archived(1, "east"), archived(2, "west"))
    strangers = (*["south"] * 20, "far left")
    index = build_index(rows, Plane(), stamp="s", strangers=strangers)
    # Of the unrelated texts none is like anything (a cosine of 0) but the last one (0.996), which
    # a quantile of 90 % leaves out.
    (first,) = found(index, "north-east")
    assert (first.test, first.nearness) == (1, "loose")


def test_unrelated_text_with_a_word_of_the_archive_is_left_out():
    rows = (archived(1, "See the volcano"),)
    strangers = ("Volcano of ice", "the moon", "moss")
    index = build_index(rows, HashEncoder(), stamp="s", strangers=strangers)
    expected = HashEncoder().encode(["the moon", "moss"])
    np.testing.assert_allclose(index.unrelated, expected, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "nearest"),
    [
        ("xyzzyqq", None),
        ("volcanoes of Saturn", None),
        ("un hippopotame", None),
        ("purchase", "Buy"),
        ("a trial that costs nothing", "Start your free trial"),
        ("parler à quelqu'un", "Parler à un conseiller"),
        ("demander un prix", "Demander un devis"),
    ],
)
def test_packaged_encoder_finds_other_words_but_not_nonsense(packaged_index, question, nearest):
    index, encoder = packaged_index
    tests = search_index(index, encoder.encode([question]), sites=(1,), count=5)
    assert next((one.text for one in tests), None) == nearest


@pytest.fixture(scope="module")
def packaged_index():
    encoder = load_encoder("")
    wordings = (
        *("Buy", "Start your free trial", "Book a seat", "Read the guide", "Contact us"),
        *("Parler à un conseiller", "Demander un devis", "Télécharger le guide", "Envoyer"),
        *("Réserver ma place", "Recevoir la lettre du mardi", "Créer mon compte", "Écouter"),
    )
    rows = [archived(at, wording) for at, wording in enumerate(wordings)]
    return build_index(rows, encoder, stamp="s"), encoder
