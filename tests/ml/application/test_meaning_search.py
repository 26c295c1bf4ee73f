import pytest

from ml import predict
from ml.application import meaning_search
from ml.history.archived_test import ArchivedTest

ARCHIVE = (
    ArchivedTest(test=1, site=1, texts=("free a", "plain b")),
    ArchivedTest(test=2, site=1, texts=("other words",)),
    ArchivedTest(test=3, site=2, texts=("free a",)),
)


def question(*texts, **changes):
    return predict.MeaningQuestion(**{"texts": texts, "sites": (1,), "count": 5} | changes)


def never():
    raise AssertionError("the archive is read without need")


def test_index_is_made_once_and_finds_the_same_text_of_ones_own_sites(active):
    assert predict.update_meaning_index("v1", lambda: ARCHIVE) == 3
    assert predict.update_meaning_index("v1", never) is None
    (best, *_) = predict.find_by_meaning(question("free a"))["tests"]
    assert (best["test"], best["text"]) == (1, "free a")
    assert best["likeness"] == pytest.approx(1.0, abs=0.01)
    found = predict.find_by_meaning(question("free a", sites=(2,)))["tests"]
    assert [one["test"] for one in found] == [3]


def test_changed_archive_is_searched_at_once(active):
    predict.update_meaning_index("v1", lambda: ARCHIVE[1:2])
    found = predict.find_by_meaning(question("other words"))["tests"]
    assert [one["test"] for one in found] == [2]
    predict.update_meaning_index("v2", lambda: ARCHIVE[:1])
    assert [one["test"] for one in predict.find_by_meaning(question("free a"))["tests"]] == [1]


def test_index_of_an_encoder_that_is_gone_is_deleted(active, model_dir):
    predict.update_meaning_index("v1", lambda: ARCHIVE)
    stale = model_dir / "meaning" / "meaning-0000000000000000.safetensors"
    stale.write_bytes(b"")
    predict.update_meaning_index("v2", lambda: ARCHIVE)
    assert not stale.exists()


def test_without_a_predictor_nothing_is_made_and_nobody_answers(db, model_dir):
    assert predict.update_meaning_index("v1", never) is None
    assert predict.find_by_meaning(question("Go")) == {"tests": None}


def test_before_the_first_index_nobody_answers(active):
    assert predict.find_by_meaning(question("Go")) == {"tests": None}


def test_second_thread_leaves_the_index_to_the_first(active):
    with meaning_search._building:
        assert predict.update_meaning_index("v1", never) is None


def test_silent_scoring_service_is_no_answer(settings):
    settings.CTAOPT_SCORING_URL = "unix:/nowhere/scoring.sock"
    assert predict.ask_by_meaning(question("Go")) is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"texts": ()}, "texts: must be 1 to 20 strings"),
        ({"texts": (" ",)}, "none of them blank"),
        ({"texts": ("a",) * 21}, "texts: must be 1 to 20"),
        ({"texts": (1,)}, "texts: must be"),
        ({"sites": ("1",)}, "sites: must be whole numbers"),
        ({"without": "1"}, "without: must be a whole number, not '1'"),
        ({"count": 501}, r"count: must be a whole number in \[1, 500\], not 501"),
        ({"count": True}, "count: must be"),
    ],
    ids=str,
)
def test_bad_question_is_named(changes, message):
    with pytest.raises(ValueError, match=message):
        question("Go", **changes)
