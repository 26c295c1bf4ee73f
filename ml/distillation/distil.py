"""Distillation of a predictor into a student model, on past and synthetic wordings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ml.distillation.augmentation import vary
from ml.distillation.student import EDGE_LOGIT, Pieces, Student, split
from ml.progress import Progress, no_progress, within

# A student of fewer wordings does not generalise.
MIN_TEXTS = 50
# One past wording in this many is held out to measure fidelity.
HELD_OUT = 10
# Synthetic wordings per past one, and at most in all: more help, but cost minutes.
VARIATIONS, MAX_VARIATIONS = 15, 120_000
WIDTH, HEADS, HIDDEN = 256, 8, 128
EPOCHS, BATCH, RATE, DROPOUT, DECAY = 4, 128, 2e-3, 0.1, 1e-2
# With few wordings the usual epochs have too few steps.
MIN_STEPS = 300
MAX_PIECES = 64
# Wordings scored by the teacher at a time, and the share of the time that scoring takes.
TEACHER_BATCH, TEACHER_SHARE = 4_096, 0.4
# Steps between two progress reports.
STEPS_PER_REPORT = 50

Teacher = Callable[[Sequence[str]], NDArray[np.float64]]


def distil_student(
    texts: Sequence[str],
    teacher: Teacher,
    *,
    tokenizer: str,
    vectors: NDArray[np.float32],
    seed: int,
    progress: Progress = no_progress,
) -> Student:
    """Train a student on the scores of a teacher.

    Args:
        texts: Unlabelled wordings, n >= 50; more, and more varied ones are better.
        teacher: Function from wordings to scores.
        tokenizer: Word-piece tokenizer, as serialised by `tokenizers`.
        vectors: Input embedding of each piece in the teacher's encoder, float32 (pieces, d):
            pieces with similar vectors get similar scores.
        seed: Seed of initial weights and of synthetic wordings, >= 0.
        progress: Called with the fraction done.

    Raises:
        ValueError: If there are fewer texts.

    Source: Hinton, Vinyals and Dean (2015), "Distilling the knowledge in a neural network",
    arXiv 1503.02531; more wordings for the teacher to label: Tang et al. (2019), arXiv 1903.12136.
    """
    if len(texts) < MIN_TEXTS:
        raise ValueError(f"texts: {len(texts)}; at least {MIN_TEXTS}")
    rng = np.random.default_rng(seed)
    training = [text for at, text in enumerate(texts) if at % HELD_OUT]
    held_out = list(texts[::HELD_OUT])
    training += vary(training, min(VARIATIONS * len(training), MAX_VARIATIONS), rng=rng)
    answers = _label(teacher, [*training, *held_out], within(progress, 0, TEACHER_SHARE))
    training_set = _training_set(training, answers[: len(training)], tokenizer)
    standardised = _standardise_rows(vectors)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Network(standardised[training_set.vocabulary])
        _fit(
            network,
            training_set,
            rng=rng,
            progress=within(progress, TEACHER_SHARE, 1 - TEACHER_SHARE),
        )
    student = Student(
        **network.weights(),
        vectors=standardised.astype(np.float16),
        own_pieces=training_set.vocabulary,
        tokenizer=tokenizer,
        words=frozenset(word for text in texts for word in split(text)),
        fidelity=None,
    )
    return replace(
        student, fidelity=_correlation(student.score(held_out), answers[len(training) :])
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrainingSet:
    """Training data: wordings as indices into the pieces that occur, and the teacher's scores."""

    pieces: list[NDArray[np.int64]]
    vocabulary: NDArray[np.int32]
    answers: NDArray[np.float64]

    def batches(self, rng: np.random.Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield batches in random order, each of wordings of about equal length."""
        lengths = np.array([len(row) for row in self.pieces])
        order = np.lexsort((rng.random(len(lengths)), lengths + rng.integers(0, 3, len(lengths))))
        batches = [order[start : start + BATCH] for start in range(0, len(order), BATCH)]
        for at in rng.permutation(len(batches)):
            rows = batches[at]
            padded = np.full((len(rows), max(1, lengths[rows].max())), len(self.vocabulary))
            padded[np.arange(padded.shape[1]) < lengths[rows, None]] = np.concatenate(
                [self.pieces[row] for row in rows]
            )
            yield torch.from_numpy(padded), torch.from_numpy(self.answers[rows]).float()


def _training_set(
    texts: Sequence[str], answers: NDArray[np.float64], tokenizer: str
) -> _TrainingSet:
    table = Pieces(tokenizer)
    rows = [
        np.array([piece for word in text.split() for piece in table[word]][:MAX_PIECES], np.int64)
        for text in texts
    ]
    vocabulary = np.unique(np.concatenate(rows)).astype(np.int32)
    return _TrainingSet(
        pieces=[np.searchsorted(vocabulary, row) for row in rows],
        vocabulary=vocabulary,
        answers=answers,
    )


def _label(teacher: Teacher, texts: Sequence[str], progress: Progress) -> NDArray[np.float64]:
    answers = np.empty(len(texts))
    for start in range(0, len(texts), TEACHER_BATCH):
        answers[start : start + TEACHER_BATCH] = teacher(texts[start : start + TEACHER_BATCH])
        progress(min(1.0, (start + TEACHER_BATCH) / len(texts)))
    return answers


class _Network(nn.Module):
    """Trainable form of `Student`, for the pieces that occur; their vectors are frozen."""

    def __init__(self, vectors: NDArray[np.float32]) -> None:
        super().__init__()
        edge = np.zeros((1, vectors.shape[1]), dtype=np.float32)
        self.vectors = nn.Embedding(len(vectors) + 1, vectors.shape[1])
        self.vectors.requires_grad_(requires_grad=False)
        self.vectors.weight.copy_(torch.from_numpy(np.vstack([vectors, edge])))
        self.reads = nn.Conv1d(vectors.shape[1], WIDTH, 3, padding=1)
        # Contribution of a piece beyond that of its vector; 0 before training.
        self.own = nn.Embedding(len(vectors) + 1, WIDTH)
        nn.init.zeros_(self.own.weight)
        self.attention = nn.Linear(WIDTH, HEADS, bias=False)
        self.hidden = nn.Linear(3 * WIDTH, HIDDEN)
        self.out = nn.Linear(HIDDEN, 1, bias=False)
        self.drop = nn.Dropout(DROPOUT)

    def forward(self, pieces: Tensor) -> Tensor:
        is_piece = (pieces != self.own.num_embeddings - 1).unsqueeze(1)
        readings = self.reads(self.drop(self.vectors(pieces)).transpose(1, 2))
        readings = torch.relu(readings + self.own(pieces).transpose(1, 2)) * is_piece
        mean = readings.sum(2) / is_piece.sum(2).clamp(min=1)
        pooled = torch.cat([mean, readings.amax(2), self._attended(readings, is_piece)], dim=1)
        scores: Tensor = self.out(torch.relu(self.hidden(pooled))).squeeze(1)
        return scores

    def _attended(self, readings: Tensor, is_piece: Tensor) -> Tensor:
        logits = self.attention(readings.transpose(1, 2)).transpose(1, 2)
        weights = logits.masked_fill(~is_piece, float(EDGE_LOGIT)).softmax(2)
        by_head = readings.reshape(len(readings), HEADS, -1, readings.shape[2])
        attended: Tensor = (by_head * weights.unsqueeze(2)).sum(3).flatten(1)
        return attended

    @torch.no_grad()
    def weights(self) -> dict[str, NDArray[Any]]:
        """Return the arrays of a student except the vectors."""
        return {
            "reads": _to_numpy(self.reads.weight.permute(2, 1, 0)),
            "reads_bias": _to_numpy(cast(Tensor, self.reads.bias)),
            "own": _to_numpy(self.own.weight[:-1]).astype(np.float16),
            "attention": _to_numpy(self.attention.weight.T),
            "hidden": _to_numpy(self.hidden.weight.T),
            "hidden_bias": _to_numpy(self.hidden.bias),
            "out": _to_numpy(self.out.weight[0]),
        }


def _to_numpy(weights: Tensor) -> NDArray[np.float32]:
    return np.array(weights.numpy(), dtype=np.float32, order="C")


def _fit(
    network: _Network, training_set: _TrainingSet, *, rng: np.random.Generator, progress: Progress
) -> None:
    """Fit the network to the answers, standardised."""
    scale = float(training_set.answers.std()) or 1.0
    mean = float(training_set.answers.mean())
    weights = [weight for weight in network.parameters() if weight.requires_grad]
    optimiser = torch.optim.AdamW(weights, lr=RATE, weight_decay=DECAY, fused=True)
    steps = -(-len(training_set.pieces) // BATCH)
    epochs = max(EPOCHS, -(-MIN_STEPS // steps))
    rates = torch.optim.lr_scheduler.OneCycleLR(optimiser, RATE, total_steps=epochs * steps + 1)
    network.train()
    for epoch in range(epochs):
        for step, (pieces, answers) in enumerate(training_set.batches(rng)):
            loss = (network(pieces) - (answers - mean) / scale).square().mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            rates.step()
            if step % STEPS_PER_REPORT == 0:
                progress((epoch + step / steps) / epochs)
    network.eval()
    progress(1.0)
    with torch.no_grad():
        network.out.weight *= scale


def _standardise_rows(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return rows with mean 0 and standard deviation 1."""
    centred = vectors - vectors.mean(axis=1, keepdims=True)
    centred /= np.maximum(centred.std(axis=1, keepdims=True), 1e-6)
    return np.asarray(centred, dtype=np.float32)


def _correlation(scores: NDArray[np.float64], answers: NDArray[np.float64]) -> float | None:
    if np.ptp(scores) == 0 or np.ptp(answers) == 0:
        return None
    return float(np.corrcoef(scores, answers)[0, 1])
