"""History rows and contrast groups for the predictor's tests."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np

from ml.dataset.contrast_groups import Arms, build_groups
from ml.dataset.near_duplicates import tokenise
from ml.encoders.cache import CachedEncoder
from ml.history.row import HistoryRow
from ml.training.options import Choices


def arm_row(test="t1", text="Go", visitors=1000, clicks=50, **changes):
    """One arm of one test."""
    values = {"test": test, "context": "", "text": text, "visitors": visitors, "clicks": clicks}
    return HistoryRow(**(values | changes))


def groups_of(*rows):
    """The contrast groups of the rows."""
    return build_groups(rows).groups


def arms_of(group, visitors, clicks, texts=None):
    """Arms as arrays from plain lists."""
    return Arms(
        texts=tuple(texts or (f"text {position}" for position in range(len(group)))),
        group=np.array(group, dtype=np.int64),
        visitors=np.array(visitors, dtype=np.float64),
        clicks=np.array(clicks, dtype=np.float64),
    )


class HashEncoder:
    """An encoder without torch: a text is the sum of fixed random vectors of its words."""

    name = "hash"

    def __init__(self, dimension=16, seed=1):
        self.dimension = dimension
        self.seed = seed
        self.fingerprint = f"{seed:064x}"
        self.encoded = []

    def encode(self, texts, *, progress=lambda fraction: None):
        self.encoded.extend(texts)
        progress(1.0)
        if not texts:
            return np.empty((0, self.dimension), dtype=np.float32)
        sums = np.stack([sum(self._word(word) for word in tokenise(text)) for text in texts])
        return (sums / np.linalg.norm(sums, axis=1, keepdims=True)).astype(np.float32)

    def _word(self, word):
        return np.random.default_rng([self.seed, *word.encode()]).normal(size=self.dimension)


class KnowingEncoder(HashEncoder):
    """Pretraining that helps: words that begin alike point the same way, seen or not."""

    def _word(self, word):
        return super()._word(word) + 4 * super()._word(word.rstrip("0123456789"))


class StrangeEncoder(HashEncoder):
    """Pretraining that does not help: a vector says nothing of the words of a text."""

    def encode(self, texts, *, progress=lambda fraction: None):
        return super().encode([text.replace(" ", "_") for text in texts], progress=progress)


GOOD_WORDS = ["free", "now", "new", "easy", "save"]
BAD_WORDS = ["submit", "register", "proceed", "form", "terms"]


def learnable_rows(n_tests=60, *, gain=0.4, visitors=4000, seed=1, own_words=False, **changes):
    """Tests of a good wording, a plain one and a bad one; `gain` is the log-odds of a good word.

    Each test has words of its own beside them, so that tests are not near-duplicates. With
    `own_words` no good or bad word occurs twice, so that only a knowing encoder can learn.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for number in range(n_tests):
        good, bad = (
            (f"good{number}", f"bad{number}")
            if own_words
            else (rng.choice(GOOD_WORDS), rng.choice(BAD_WORDS))
        )
        for word, effect in [(good, gain), ("plain", 0.0), (bad, -gain)]:
            text = f"{word} thing{number} item{number} case{number}"
            rate = 1 / (1 + np.exp(2.5 - effect - rng.normal(0, 0.1)))
            clicks = int(rng.binomial(visitors, rate))
            rows.append(arm_row(f"t{number}", text, visitors, clicks, **changes))
    return rows


def divided_rows(n_everybody=90, n_experts=30, *, gain=0.4):
    """Tests of two audiences; experts like what everybody dislikes."""
    rows = []
    for audience, n_tests, sign in [("everybody", n_everybody, 1), ("experts", n_experts, -1)]:
        own = {"audience": audience, "locale": "en", "seed": 1 + n_tests}
        for row in learnable_rows(n_tests, gain=sign * gain, **own):
            text = row.text.replace("thing", f"{audience}thing")
            rows.append(replace(row, test=f"{audience}-{row.test}", text=text))
    return rows


def no_stage(_fraction, _stage):
    """Tell nobody how far a training is."""


def cached(encoder):
    """Put a cache in memory before an encoder."""
    return encoder if isinstance(encoder, CachedEncoder) else CachedEncoder(encoder, None)


def train_in(
    folder,
    rows,
    *,
    encoder,
    seed=1,
    progress=no_stage,
    unfinished=None,
    choices=None,
    source=(),
    other_encoders=(),
    serve_first=None,
):
    """Train into a folder that is not there yet."""
    # Torch takes seconds of a core, and most tests train nothing.
    from ml.training.pipeline import TrainingSettings, train  # noqa: PLC0415

    return train(
        rows,
        encoder=cached(encoder),
        settings=TrainingSettings(
            folder=folder,
            seed=seed,
            code_commit="abc",
            now=datetime(2026, 11, 22, 10, tzinfo=UTC),
            unfinished=unfinished,
            choices=choices or Choices(),
            source=tuple(source),
            other_encoders=tuple(map(cached, other_encoders)),
            serve_first=serve_first,
        ),
        progress=progress,
    )
