"""The predictor on French: 150 real tests in English and French, learned from English tests alone.

Outcomes are those of American readers of the English headline, so this does not measure French
readers: it measures whether what was learned in English survives the language. Groups connected
with the 150 tests are left out of training. Encoders are those of `manage.py list_encoders`.

    CTAOPT_DATA_DIR=FOLDER python benchmarks/bench_french.py [KEY ...]
"""

import os
import sys
from itertools import compress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from recording import PROJECT, record

sys.path.insert(0, str(PROJECT))

from ml.dataset.contrast_groups import ContrastGroup, build_groups, stack_arms
from ml.dataset.pairs import pair_arms
from ml.dataset.splits import connect_groups, find_leaks
from ml.encoders.cache import CachedEncoder
from ml.encoders.installed import MODEL
from ml.encoders.sentence_encoder import load_encoder
from ml.evaluation.bootstrap import interval
from ml.history.reading import read_history
from ml.language.transfer import measure_transfer
from ml.scoring.applicability import measure_domain
from ml.scoring.artifacts import Artifact
from ml.scoring.calibration import Calibration
from ml.scoring.context import Context
from ml.scoring.scorer import Scorer
from ml.scoring.similar_wordings import past_wordings
from ml.strategies.candidates import frozen

DATA = PROJECT.parent / "shared/data"
ENCODERS = Path(os.environ.get("CTAOPT_DATA_DIR", PROJECT / "var")) / "encoders"
SEED, N_DRAWS = 0, 2_000
GOALS = {"accuracy_all": 0.60, "accuracy_p05": 0.69, "agreement": 0.82, "coverage": 0.90}


def main() -> None:
    if not DATA.is_dir():
        sys.exit(f"{DATA} is absent: this benchmark needs the shared data")
    keys = sys.argv[1:] or ["minilm", *(path.name for path in sorted(ENCODERS.glob("[!.]*")))]
    english, french = (_groups(DATA / f"upworthy_fr/{tag}.csv.gz") for tag in ("en", "fr"))
    train = unconnected(_groups(DATA / "upworthy/history.csv.gz"), english)
    assert not find_leaks(train, english)
    record(
        "french",
        {
            "goals": GOALS,
            "training_groups": len(train),
            "test_groups": len(english),
            "encoders": {key: judge(key, train, english, french) for key in keys},
        },
    )


def unconnected(groups: list[ContrastGroup], others: list[ContrastGroup]) -> list[ContrastGroup]:
    """Return the groups that share no story, test or wording with others, even through a third."""
    components = connect_groups([*groups, *others])
    taken = set(components[len(groups) :])
    return list(compress(groups, [number not in taken for number in components]))


def judge(
    key: str,
    train: list[ContrastGroup],
    english: list[ContrastGroup],
    french: list[ContrastGroup],
) -> dict[str, Any]:
    """Return accuracy, agreement and coverage of frozen layers on one encoder."""
    scorer = learn(key, train)
    by_language = {"en": english, "fr": french}
    answers = {
        tag: scorer.answer(
            stack_arms(groups).texts, [Context(locale=tag)] * len(stack_arms(groups).texts)
        )
        for tag, groups in by_language.items()
    }
    right = {tag: _right(by_language[tag], answers[tag][0]) for tag in by_language}
    pairs = pair_arms(stack_arms(english))
    same = right["en"] == right["fr"]
    clear = pairs.p_value < 0.05
    figures = {
        "agreement": _share(same, pairs.group),
        "accuracy_all": {tag: _share(each, pairs.group) for tag, each in right.items()},
        "accuracy_p05": {
            tag: _share(each[clear], pairs.group[clear]) for tag, each in right.items()
        },
        "french_less_english": _share(right["fr"] - right["en"], pairs.group),
        "coverage": {tag: _coverage(by_language[tag], answers[tag][1]) for tag in by_language},
    }
    return figures | {"pairs": len(pairs), "language": scorer.artifact.manifest["language"]}


def learn(key: str, train: list[ContrastGroup]) -> Scorer:
    """Return a predictor of frozen layers, with its domain and its transfer to French."""
    place = "" if key == "minilm" else str(ENCODERS / key / MODEL)
    encoder = CachedEncoder(load_encoder(place, name=key), PROJECT / "var" / "bench_cache")
    arms, rng = stack_arms(train), np.random.default_rng(SEED)
    fitted = frozen(encoder).fit(arms)
    vectors = fitted.represent(arms.texts)
    assert isinstance(vectors, np.ndarray)
    transfer = measure_transfer(
        fitted.score,
        fitted.represent,
        vectors,
        main="en",
        other="fr",
        rng=rng,  # type: ignore[arg-type]
    )
    artifact = Artifact(
        strategy="frozen_layers",
        parts=fitted.parts(),
        calibration=Calibration(slope=1.0, lift_slope=1.0, lift_sd=0.1),
        domain=measure_domain(train, connect_groups(train), vectors, rng=rng),
        past=past_wordings(train),
        past_vectors=vectors.astype(np.float16),
        manifest={"language": {name: getattr(transfer, name) for name in transfer.__slots__}},  # type: ignore[typeddict-item]
    )
    return Scorer(artifact, fitted)


def _groups(path: Path) -> list[ContrastGroup]:
    return [
        each
        for each in build_groups(read_history(path, "upworthy").rows).groups
        if not each.suspect
    ]


def _right(groups: list[ContrastGroup], scores: NDArray[np.float64]) -> NDArray[np.float64]:
    pairs = pair_arms(stack_arms(groups))
    return ((scores[pairs.first] > scores[pairs.second]) == pairs.first_won).astype(np.float64)


def _coverage(groups: list[ContrastGroup], refusals: list[Any]) -> dict[str, Any]:
    """Return the share of answered wordings and groups, and the reasons of the others."""
    group = stack_arms(groups).group
    refused = np.array([each is not None for each in refusals])
    codes = [each.code for each in refusals if each is not None]
    return {
        "wordings": float(1 - refused.mean()),
        "groups": float(1 - len(set(group[refused])) / len(groups)),
        "reasons": {code: codes.count(code) for code in sorted(set(codes))},
    }


def _share(values: NDArray[Any], group: NDArray[np.int64]) -> dict[str, float | None]:
    """Return a mean over pairs with its 95 % interval by bootstrap over groups."""
    sums = np.bincount(group, values.astype(np.float64), minlength=group.max() + 1)
    counts = np.bincount(group, minlength=group.max() + 1)
    drawn = np.random.default_rng(SEED).multinomial(
        len(sums), np.full(len(sums), 1 / len(sums)), size=N_DRAWS
    )
    found = interval(float(values.mean()), (drawn @ sums) / (drawn @ counts), level=0.95)
    return {"value": found.value, "low": found.low, "high": found.high}


if __name__ == "__main__":
    main()
