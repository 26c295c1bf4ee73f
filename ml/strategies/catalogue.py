"""Every strategy, from the simplest to the most complex: the order in which the gate compares."""

from collections.abc import Callable

from ml.embedding import Encoder, EncoderError, layers_of
from ml.strategies.contract import Strategy
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.no_text import NoText
from ml.strategies.tfidf import TfidfRidge

# Those whose vectors never saw a result, so that departures may be learned on them.
LABEL_FREE_VECTORS = frozenset({"tfidf", "frozen_head", "frozen_layers"})


def all_strategies(encoder: Encoder) -> tuple[Strategy, ...]:
    """Return the strategies that training compares, "no text" first.

    Args:
        encoder: Pretrained encoder for those that start from one.

    >>> [strategy.name for strategy in all_strategies(encoder=None)]
    ['no_text', 'tfidf', 'frozen_head']
    """
    simple = NoText(), TfidfRidge(), FrozenHead(encoder=encoder)
    return (*simple, _frozen_layers(encoder)) if layers_of(encoder) else simple


def _frozen_layers(encoder: Encoder) -> FrozenHead:
    layers = layers_of(encoder)
    if layers is None:
        raise EncoderError(f"encoder {encoder.name!r}: it has no layers to read out")
    return FrozenHead(encoder=layers, name="frozen_layers")


def strategy_named(name: str, *, make_encoder: Callable[[], Encoder]) -> Strategy:
    """Return one strategy; an encoder is made only if it needs one.

    Args:
        name: Key of the strategy.
        make_encoder: Loads the pretrained encoder.

    Raises:
        ValueError: If there is no such strategy.

    >>> strategy_named("tfidf", make_encoder=lambda: None).name
    'tfidf'
    """
    makers: dict[str, Callable[[], Strategy]] = {
        "no_text": NoText,
        "tfidf": TfidfRidge,
        "frozen_head": lambda: FrozenHead(encoder=make_encoder()),
        "frozen_layers": lambda: _frozen_layers(make_encoder()),
    }
    if name not in makers:
        raise ValueError(f"strategy: {name!r} is none of {', '.join(makers)}")
    return makers[name]()
