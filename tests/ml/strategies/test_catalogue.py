import pytest

from ml.strategies.catalogue import all_strategies, strategy_named
from tests.ml.factories import HashEncoder


def test_every_strategy_is_found_by_its_name():
    encoder = HashEncoder()
    for strategy in all_strategies(encoder):
        assert strategy_named(strategy.name, make_encoder=lambda: encoder) == strategy or (
            strategy.name == "no_text"
        )


def test_encoder_is_made_only_for_a_strategy_that_needs_one():
    def refuse():
        raise AssertionError("loaded an encoder")

    assert strategy_named("tfidf", make_encoder=refuse).name == "tfidf"


def test_unknown_strategy_is_refused():
    with pytest.raises(ValueError, match="strategy: 'magic' is none of no_text, tfidf"):
        strategy_named("magic", make_encoder=HashEncoder)
