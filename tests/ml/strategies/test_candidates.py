import pytest

from ml.encoders.cache import CachedEncoder
from ml.encoders.sentence_encoder import load_encoder
from ml.errors import EncoderError
from ml.strategies.candidates import (
    MIN_TUNING_GROUPS,
    PRETRAINED_SHARE,
    Tuning,
    line_up,
    strategy_named,
)
from tests.ml.conftest import TINY_ENCODER
from tests.ml.factories import HashEncoder

ALL = ["no_text", "tfidf", "frozen_head", "frozen_layers", "fine_tuned", "stack"]
ON_REQUEST = ["random_network", "lora"]


@pytest.fixture(scope="module")
def tiny():
    return CachedEncoder(load_encoder(str(TINY_ENCODER)), None)


def names(lineup):
    return [strategy.name for strategy in lineup.strategies]


def test_large_history_tries_every_strategy_from_simple_to_complex(tiny):
    lineup = line_up(tiny, MIN_TUNING_GROUPS)
    assert names(lineup) == ALL
    assert [(each.name, each.reason) for each in lineup.left_out] == [
        (name, "not_asked") for name in ON_REQUEST
    ]


def test_small_history_is_not_tuned_on_and_says_what_it_lacks(tiny):
    lineup = line_up(tiny, MIN_TUNING_GROUPS - 1)
    assert names(lineup) == ALL[:4]
    reasons = [
        (each.name, each.reason, each.found, each.needed)
        for each in lineup.left_out
        if each.name not in ON_REQUEST
    ]
    missing = ("too_few_groups", MIN_TUNING_GROUPS - 1, MIN_TUNING_GROUPS)
    assert reasons == [("fine_tuned", *missing), ("stack", *missing)]


def test_encoder_without_layers_is_used_frozen():
    lineup = line_up(HashEncoder(), MIN_TUNING_GROUPS)
    assert names(lineup) == ALL[:3]
    reasons = {each.reason for each in lineup.left_out}
    assert reasons == {"encoder_without_layers", "not_asked"}


def test_asked_strategies_are_tried_however_small_the_history(tiny):
    lineup = line_up(tiny, 20, asked=["fine_tuned", "tfidf"])
    assert names(lineup) == ["no_text", "tfidf", "fine_tuned"]
    assert {each.reason for each in lineup.left_out} == {"not_asked"}


def test_tuned_network_keeps_half_of_the_pretrained_one(tiny):
    asked = ["fine_tuned", "lora", "random_network"]
    shares = {
        each.name: each.pretrained_share for each in line_up(tiny, 20, asked=asked).strategies[1:]
    }
    assert shares == {"fine_tuned": PRETRAINED_SHARE, "lora": 0, "random_network": 0}


def test_networks_are_tuned_as_is_asked_for(tiny):
    asked = ["fine_tuned", "lora", "random_network"]
    tuning = Tuning(n_processes=3, early_stopping=True)
    tuned = line_up(tiny, 20, asked=asked, tuning=tuning).strategies[1:]
    assert sorted(each.name for each in tuned) == asked
    assert {each.n_processes for each in tuned} == {3}
    assert all(each.settings.withheld for each in tuned)
    plain = line_up(tiny, 20, asked=asked).strategies[1:]
    assert not any(each.settings.withheld for each in plain)


def test_every_strategy_is_found_by_its_name(tiny):
    for name in ALL + ON_REQUEST:
        assert strategy_named(name, make_encoder=lambda: tiny).name == name


def test_encoder_is_made_only_for_a_strategy_that_needs_one():
    def refuse():
        raise AssertionError("loaded an encoder")

    assert strategy_named("tfidf", make_encoder=refuse).name == "tfidf"


@pytest.mark.parametrize("name", ["frozen_layers", "fine_tuned", "stack", "lora"])
def test_strategy_that_the_encoder_cannot_do_is_refused(name):
    with pytest.raises(EncoderError, match="encoder 'hash': it"):
        strategy_named(name, make_encoder=HashEncoder)


def test_unknown_strategy_is_refused(tiny):
    with pytest.raises(ValueError, match="strategy: 'magic' is none of no_text, tfidf"):
        strategy_named("magic", make_encoder=HashEncoder)
    with pytest.raises(ValueError, match="strategy: 'magic'"):
        line_up(tiny, 20, asked=["magic"])
