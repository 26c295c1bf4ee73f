"""Teaches a student what a predictor says: of past wordings, and of very many made from them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.student import Pieces, Student, split

# Fewer wordings teach nothing that holds.
MIN_TEXTS = 50
# One past wording in so many is kept from the student and shows how well it learned.
HELD_OUT = 10
# Wordings made from each past one, and at most in all: more teach little and cost minutes.
VARIATIONS, MAX_VARIATIONS = 5, 40_000
WIDTH, HIDDEN = 96, 64
EPOCHS, BATCH, RATE, DROPOUT, DECAY = 6, 128, 2e-3, 0.1, 1e-2
# With few wordings an epoch is over too soon.
MIN_STEPS = 300
MAX_PIECES = 64

Teacher = Callable[[Sequence[str]], NDArray[np.float64]]


def teach(
    texts: Sequence[str],
    teacher: Teacher,
    *,
    tokenizer: str,
    vectors: NDArray[np.float32],
    seed: int,
) -> Student:
    """Return a student of a teacher.

    Args:
        texts: Wordings, n >= 50; the more, and the more various, the better. No labels needed.
        teacher: Says what each wording scores.
        tokenizer: What cuts a word into pieces, as `tokenizers` writes it.
        vectors: What the teacher's encoder starts from for each piece, float32 (pieces, d): where
            they are alike the student, too, expects alike.
        seed: Of first weights and of what is made from the texts, >= 0.

    Raises:
        ValueError: If there are fewer texts.

    Source: Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network",
    arXiv 1503.02531; more wordings for the teacher to label: Tang et al. (2019), arXiv 1903.12136.
    """
    if len(texts) < MIN_TEXTS:
        raise ValueError(f"texts: {len(texts)}; at least {MIN_TEXTS}")
    rng = np.random.default_rng(seed)
    taught = [text for at, text in enumerate(texts) if at % HELD_OUT]
    kept = list(texts[::HELD_OUT])
    made = vary(taught, min(VARIATIONS * len(taught), MAX_VARIATIONS), rng=rng)
    answers = teacher([*taught, *made, *kept])
    cut = Pieces(tokenizer)
    lessons = _Lessons(
        pieces=[_cut(text, cut) for text in (*taught, *made)], answers=answers[: -len(kept)]
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(_leveled(vectors))
        _learn(network, lessons, rng=rng)
    words = frozenset(word for text in texts for word in split(text))
    student = network.student(tokenizer, words)
    return replace(student, fidelity=_correlation(student.score(kept), answers[-len(kept) :]))


def vary(texts: Sequence[str], count: int, *, rng: np.random.Generator) -> list[str]:
    """Return new wordings made from given ones, each once.

    They are parts of one, one with words left out, the beginning of one with the end of another,
    or one with words of another in it: few make sense, all tell what the teacher thinks of words
    and of their neighbours.

    Args:
        texts: Wordings.
        count: How many to make, >= 0; fewer are returned where some are alike.
        rng: Source of draws.

    >>> vary(["Get my guide", "Try it for free"], 3, rng=np.random.default_rng(1))
    ['Get my guide', 'Try it for free', 'Get']
    """
    words = [text.split() for text in texts]
    long = [each for each in words if len(each) > 1]
    if not long:
        return []
    draws = rng.integers(len(long), size=(count, 2))
    kinds = rng.integers(len(_KINDS), size=count)
    made = (
        _KINDS[kind](long[first], long[second], rng)
        for kind, (first, second) in zip(kinds, draws, strict=True)
    )
    return list(dict.fromkeys(" ".join(each) for each in made if each))


def _part(words: list[str], _other: list[str], rng: np.random.Generator) -> list[str]:
    start, end = sorted(rng.choice(len(words) + 1, size=2, replace=False))
    return words[start:end]


def _leave_out(words: list[str], _other: list[str], rng: np.random.Generator) -> list[str]:
    stays = rng.random(len(words)) > rng.uniform(0.1, 0.5)
    return [word for word, stay in zip(words, stays, strict=True) if stay]


def _join(words: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    return words[: rng.integers(1, len(words))] + other[rng.integers(len(other)) :]


def _swap(words: list[str], other: list[str], rng: np.random.Generator) -> list[str]:
    drawn = rng.integers(len(other), size=len(words))
    swapped = rng.random(len(words)) < 0.25
    return [
        other[at] if swap else word for word, at, swap in zip(words, drawn, swapped, strict=True)
    ]


_KINDS = (_part, _leave_out, _join, _swap)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lessons:
    """Wordings in pieces, with what the teacher says of each."""

    pieces: list[list[int]]
    answers: NDArray[np.float64]

    def batches(self, edge: int, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield all of them in random order; those of a batch are of about equal length."""
        lengths = np.array([len(each) for each in self.pieces])
        order = np.lexsort((rng.random(len(lengths)), lengths + rng.integers(0, 3, len(lengths))))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        for at in rng.permutation(len(batches)):
            rows = batches[at]
            padded = np.full((len(rows), max(1, lengths[rows].max())), edge)
            padded[np.arange(padded.shape[1]) < lengths[rows, None]] = np.concatenate(
                [self.pieces[row] for row in rows]
            )
            yield torch.from_numpy(padded), torch.from_numpy(self.answers[rows]).float()


class _Network(nn.Module):
    """What `Student` does, before its tables are computed: vectors of pieces stay as they are."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        self.vectors = nn.Embedding(*vectors.shape).requires_grad_(requires_grad=False)
        self.vectors.weight.copy_(torch.from_numpy(vectors))
        self.reads = nn.Conv1d(vectors.shape[1], WIDTH, 3, padding=1)
        # What a piece says beyond what its vector says: nothing, until its texts tell.
        self.own = nn.Embedding(len(vectors), WIDTH)
        nn.init.zeros_(self.own.weight)
        self.hidden = nn.Linear(2 * WIDTH, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1, bias=False)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, pieces: Tensor) -> Tensor:
        is_piece = (pieces != self.vectors.num_embeddings - 1).unsqueeze(1)
        readings = self.reads(self.drop(self.vectors(pieces)).transpose(1, 2))
        readings = torch.relu(readings + self.own(pieces).transpose(1, 2)) * is_piece
        mean = readings.sum(2) / is_piece.sum(2).clamp(min=1)
        pooled = torch.cat([mean, readings.amax(2)], dim=1)
        scores: Tensor = self.out(torch.relu(self.hidden(pooled))).squeeze(1)
        return scores

    @torch.no_grad()
    def student(self, tokenizer: str, words: frozenset[str]) -> Student:
        weights = self.reads.weight.permute(2, 1, 0)
        tables = torch.stack([self.vectors.weight @ each for each in weights], dim=1)
        tables[:-1, 1] += self.own.weight[:-1]
        if self.reads.bias is not None:
            tables[:-1, 1] += self.reads.bias
        return Student(
            tables=tables.numpy().astype(np.float16),
            hidden=self.hidden.weight.T.contiguous().numpy(),
            hidden_bias=self.hidden.bias.numpy().copy(),
            out=self.out.weight[0].numpy().copy(),
            tokenizer=tokenizer,
            words=words,
            fidelity=None,
        )


def _learn(network: _Network, lessons: _Lessons, *, rng: np.random.Generator) -> None:
    """Fit the network to the answers, which it learns in units of their spread."""
    spread = float(lessons.answers.std()) or 1.0
    middle = float(lessons.answers.mean())
    weights = [each for each in network.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=DECAY, fused=True)
    steps = -(-len(lessons.pieces) // BATCH)
    epochs = max(EPOCHS, -(-MIN_STEPS // steps))
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * steps + 1)
    edge = network.vectors.num_embeddings - 1
    network.train()
    for _ in range(epochs):
        for pieces, answers in lessons.batches(edge, rng):
            loss = (network(pieces) - (answers - middle) / spread).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rates.step()
    network.eval()
    with torch.no_grad():
        network.out.weight *= spread


def _leveled(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows of mean 0 and spread 1, and one more of zeros for the edge of a text."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    centred /= np.maximum(centred.std(axis=1, keepdims=True), 1e-6)
    return np.vstack([centred, np.zeros((1, vectors.shape[1]))]).astype(np.float32)


def _cut(text: str, pieces: Pieces) -> list[int]:
    return [piece for word in text.split() for piece in pieces[word]][:MAX_PIECES]


def _correlation(said: NDArray[np.float64], answers: NDArray[np.float64]) -> float | None:
    if np.ptp(said) == 0 or np.ptp(answers) == 0:
        return None
    return float(np.corrcoef(said, answers)[0, 1])
