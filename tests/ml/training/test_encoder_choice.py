import pytest

from ml.encoders.cache import CachedEncoder
from ml.training.candidate_trials import TrialSettings
from ml.training.encoder_choice import choose_encoder, in_order
from tests.ml.factories import (
    HashEncoder,
    KnowingEncoder,
    StrangeEncoder,
    groups_of,
    learnable_rows,
    train_in,
)

SETTINGS = TrialSettings(seed=1)


def cached(encoder, name, languages=()):
    encoder.name, encoder.languages = name, languages
    return CachedEncoder(encoder, None)


@pytest.fixture
def knowing():
    return cached(KnowingEncoder(seed=2), "knowing")


@pytest.fixture
def strange():
    return cached(StrangeEncoder(seed=3), "strange")


@pytest.fixture(scope="module")
def groups():
    """Tests in which no good or bad word occurs twice: only a knowing encoder can learn."""
    return groups_of(*learnable_rows(80, own_words=True, locale="en"))


def choose(encoders, groups):
    return choose_encoder(encoders, groups, settings=SETTINGS, progress=lambda _: None)


def test_encoder_that_knows_more_is_chosen(groups, knowing, strange):
    choice = choose([strange, knowing], groups)
    assert choice.encoder is knowing
    assert [(each["name"], each["chosen"]) for each in choice.record] == [
        ("strange", False),
        ("knowing", True),
    ]
    strange_found, knowing_found = (each["metrics"]["accuracy_all"] for each in choice.record)
    assert knowing_found["value"] > strange_found["high"]


def test_smaller_encoder_stays_unless_it_is_beaten(groups, knowing, strange):
    assert choose([knowing, strange], groups).encoder is knowing
    again = cached(KnowingEncoder(seed=2), "again")
    assert choose([knowing, again], groups).encoder is knowing


def test_one_encoder_is_not_tried(groups, knowing):
    choice = choose([knowing], groups)
    assert (choice.encoder, choice.record) == (knowing, [])


@pytest.mark.parametrize(
    ("locale", "first"), [("fr-CA", "both"), ("en", "english"), ("", "english"), ("de", "english")]
)
def test_encoder_that_reads_the_history_is_the_one_to_beat(locale, first):
    english = cached(HashEncoder(), "english", ("en",))
    both = cached(HashEncoder(), "both", ("en", "fr"))
    groups = groups_of(*learnable_rows(3, locale=locale))
    assert in_order([english, both], groups)[0].name == first


def test_training_starts_from_the_chosen_encoder_and_records_it(tmp_path, knowing, strange):
    rows = learnable_rows(80, own_words=True, locale="en")
    found = train_in(tmp_path / "p", rows, encoder=strange, other_encoders=(knowing,))
    encoder = found.manifest["configuration"]["encoder"]
    assert (encoder["name"], encoder["fingerprint"]) == ("knowing", knowing.fingerprint)
    assert [each["name"] for each in found.manifest["encoders"]] == ["strange", "knowing"]
    assert found.served == "frozen_head"
