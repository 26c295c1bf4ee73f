"""Registry of strategies, from the simplest to the most complex: the gate's order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from typing import Literal

from ml.encoders.base import Encoder, layers_of
from ml.errors import EncoderError
from ml.strategies.base import Strategy
from ml.strategies.fine_tuned_int8 import TunedCopy
from ml.strategies.frozen_head import FrozenHead
from ml.strategies.no_text import NoText
from ml.strategies.stack import Stack
from ml.strategies.tfidf import TfidfRidge

# Strategies whose vectors do not depend on results, so that context offsets may use them.
LABEL_FREE_VECTORS = frozenset({"tfidf", "frozen_head", "frozen_layers", "stack", "with_source"})
# With fewer contrast groups tuning takes minutes and never beat frozen layers.
MIN_TUNING_GROUPS = 400
# They take minutes to hours, the others seconds once texts are encoded.
TUNED = frozenset({"random_network", "lora", "fine_tuned", "stack"})
# They take minutes each and serve for comparison only.
ON_REQUEST = frozenset({"random_network", "lora"})
ADAPTER_RATE = 1e-3
# Share of the pretrained network in the mean of the weights: half, as WiSE-FT proposes untuned. Of
# ten recipes its gain over frozen layers on later tests is the surest: docs/prediction.md.
PRETRAINED_SHARE = 0.5
# Weights of TF-IDF, fine-tuned and frozen layers. The fine-tuned network starts from the frozen
# layers and largely repeats them; TF-IDF adds the site's own words, unseen in pretraining.
# Weights from 1/4 to 1 move the accuracy on the Upworthy folds by 0.005, less than half the width
# of its interval.
STACK_WEIGHTS = (0.25, 1.0, 0.5)

Absence = Literal["too_few_groups", "encoder_without_layers", "encoder_not_tunable", "not_asked"]
_Maker = Callable[[], Strategy]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """Options of fine-tuning, apart from the training settings.

    Args:
        n_processes: Processes that train one network together, >= 1.
        early_stopping: True if each training holds out a tenth of the tests for early stopping.
    """

    n_processes: int = 1
    early_stopping: bool = False


PLAIN = Tuning()


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOutStrategy:
    """A strategy that is not tried.

    Args:
        name: Its key.
        reason: Reason, as a code.
        found: Number of contrast groups.
        needed: Contrast groups it needs; 0 for other reasons.
    """

    name: str
    reason: Absence
    found: int = 0
    needed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineup:
    """Strategies that a training compares.

    Args:
        strategies: The strategies, "No text" first.
        left_out: Strategies that are not tried, with reasons.
    """

    strategies: tuple[Strategy, ...]
    left_out: tuple[LeftOutStrategy, ...]


def line_up(
    encoder: Encoder,
    n_groups: int,
    *,
    asked: Sequence[str] | None = None,
    tuning: Tuning = PLAIN,
) -> Lineup:
    """Return the strategies that fit an encoder and an amount of history.

    Args:
        encoder: Pretrained encoder for those that start from one.
        n_groups: Number of contrast groups for training.
        asked: Keys requested by the operator, used even with little history; None: all that fit.
        tuning: Options of fine-tuning.

    Raises:
        ValueError: If a key is unknown.
        EncoderError: If the encoder does not support a requested strategy.

    >>> lineup = line_up(object(), 100)
    >>> [strategy.name for strategy in lineup.strategies]
    ['no_text', 'tfidf', 'frozen_head']
    >>> lineup.left_out[0].name, lineup.left_out[0].reason
    ('frozen_layers', 'encoder_without_layers')
    """
    makers = _makers(lambda: encoder, tuning)
    if asked is not None:
        return _requested_lineup(makers, asked)
    absences = [_absence(name, encoder, n_groups) for name in makers]
    left_out = tuple(absence for absence in absences if absence is not None)
    names = {absence.name for absence in left_out}
    return Lineup(
        strategies=tuple(make() for name, make in makers.items() if name not in names),
        left_out=left_out,
    )


def quick_ones(strategies: Sequence[Strategy]) -> tuple[Strategy, ...]:
    """Return the strategies before the first that is tuned, in their order.

    Args:
        strategies: From the simplest to the most complex.

    >>> [strategy.name for strategy in quick_ones([NoText(), TfidfRidge()])]
    ['no_text', 'tfidf']
    """
    return tuple(takewhile(lambda each: each.name not in TUNED, strategies))


def strategy_named(name: str, *, make_encoder: Callable[[], Encoder]) -> Strategy:
    """Return one strategy; an encoder is made only if it needs one.

    Args:
        name: Key of the strategy.
        make_encoder: Loads the pretrained encoder.

    Raises:
        ValueError: If the key is unknown.
        EncoderError: If the encoder does not support the strategy.

    >>> strategy_named("tfidf", make_encoder=lambda: None).name
    'tfidf'
    """
    makers = _makers(make_encoder) | {"with_source": lambda: frozen(make_encoder())}
    _refuse_unknown(makers, [name])
    return makers[name]()


def frozen(encoder: Encoder) -> Strategy:
    """Return the best strategy with a frozen encoder: on all its layers, if it has layers.

    Args:
        encoder: Pretrained encoder.
    """
    return _frozen_layers(encoder) if layers_of(encoder) else FrozenHead(encoder=encoder)


def _makers(make_encoder: Callable[[], Encoder], tuning: Tuning = PLAIN) -> dict[str, _Maker]:
    def tuned(encoder: Encoder, name: str = "fine_tuned") -> Strategy:
        return _fine_tuned(encoder, name, tuning)

    def stack() -> Strategy:
        encoder = make_encoder()
        # The last member represents wordings: its vectors do not depend on results.
        members = TfidfRidge(), tuned(encoder), _frozen_layers(encoder)
        return Stack(members=members, weights=STACK_WEIGHTS)

    return {
        # Keys inside stored predictors; never rename.
        "no_text": NoText,
        "tfidf": TfidfRidge,
        "frozen_head": lambda: FrozenHead(encoder=make_encoder()),
        "frozen_layers": lambda: _frozen_layers(make_encoder()),
        "random_network": lambda: tuned(make_encoder(), "random_network"),
        "lora": lambda: tuned(make_encoder(), "lora"),
        "fine_tuned": lambda: tuned(make_encoder()),
        "stack": stack,
    }


def _frozen_layers(encoder: Encoder) -> Strategy:
    layers = layers_of(encoder)
    if layers is None:
        raise EncoderError(f"encoder {encoder.name!r}: it has no layers to read out")
    return FrozenHead(encoder=layers, name="frozen_layers")


def _fine_tuned(encoder: Encoder, name: str, tuning: Tuning) -> Strategy:
    copied: Encoder | None = getattr(encoder, "tuned", None)
    if copied is not None and name == "fine_tuned":
        return TunedCopy(encoder=copied)
    # Only fine-tuning needs torch.
    from ml.fine_tuning.training_loop import TuningSettings  # noqa: PLC0415
    from ml.fine_tuning.transformer_layers import tunable  # noqa: PLC0415
    from ml.strategies.fine_tuned import FineTuned  # noqa: PLC0415

    behind = tunable(encoder)
    if behind is None:
        raise EncoderError(f"encoder {encoder.name!r}: it is none of the BERT family")
    settings = TuningSettings(withheld=tuning.early_stopping)
    plain = FineTuned(encoder=behind, name=name, n_processes=tuning.n_processes, settings=settings)
    if name == "random_network":
        return replace(plain, starts_random=True)
    if name == "lora":
        return replace(plain, adapter_rank=8, settings=replace(settings, body_rate=ADAPTER_RATE))
    return replace(plain, pretrained_share=PRETRAINED_SHARE)


def _absence(name: str, encoder: Encoder, n_groups: int) -> LeftOutStrategy | None:
    if name in {"no_text", "tfidf", "frozen_head"}:
        return None
    if name in ON_REQUEST:
        return LeftOutStrategy(name=name, reason="not_asked")
    if layers_of(encoder) is None:
        return LeftOutStrategy(name=name, reason="encoder_without_layers")
    if name == "frozen_layers":
        return None
    if n_groups < MIN_TUNING_GROUPS:
        return LeftOutStrategy(
            name=name, reason="too_few_groups", found=n_groups, needed=MIN_TUNING_GROUPS
        )
    from ml.fine_tuning.transformer_layers import tunable  # noqa: PLC0415

    return None if tunable(encoder) else LeftOutStrategy(name=name, reason="encoder_not_tunable")


def _requested_lineup(makers: dict[str, _Maker], asked: Sequence[str]) -> Lineup:
    _refuse_unknown(makers, asked)
    chosen = {"no_text", *asked}
    return Lineup(
        strategies=tuple(make() for name, make in makers.items() if name in chosen),
        left_out=tuple(
            LeftOutStrategy(name=name, reason="not_asked") for name in makers if name not in chosen
        ),
    )


def _refuse_unknown(makers: dict[str, _Maker], names: Sequence[str]) -> None:
    for name in names:
        if name not in makers:
            raise ValueError(f"strategy: {name!r} is none of {', '.join(makers)}")
