"""The predictor on headlines cut short: a proxy for the few words of a call to action.

Trained on the archive's tests to July 2014, judged on those from August to October 2014, with the
frozen layers of the packaged encoder. A headline is cut to its first clause or to its first words,
in the later tests alone or in training, too. Pairs whose cut wordings are equal are left out and
counted; the same pairs in full length stand beside them.
"""

import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from later_tests import SEED, Scores, Split, load_split
from recording import record

from ml.dataset.contrast_groups import Arms, sum_by_group
from ml.dataset.pairs import Pairs, pair_arms
from ml.evaluation.bootstrap import estimate, resample, total
from ml.strategies.base import Strategy
from ml.strategies.candidates import frozen

Cut = Callable[[str], str]


def first_clause(text: str) -> str:
    """Return what stands before the first mark that ends a clause.

    >>> first_clause("Watch this: it works. Really.")
    'Watch this'
    """
    return re.split(r"[.,:;!?()\u2026]|\s[-\u2013\u2014]+\s", text, maxsplit=1)[0].strip() or text


def first_words(count: int, text: str) -> str:
    """Return the first words of a text.

    >>> first_words(2, "Find out more now")
    'Find out'
    """
    return " ".join(text.split()[:count])


CUTS: dict[str, Cut] = {
    "first_clause": first_clause,
    "eight_words": partial(first_words, 8),
    "four_words": partial(first_words, 4),
}


def main() -> None:
    split = load_split()
    strategy, pairs = frozen(split.encoder), pair_arms(split.arms)
    whole = strategy.fit(split.trained).score(split.arms.texts)
    record(
        "short_texts",
        {
            "later_groups": len(split.later),
            "whole": figures(split, pairs, whole, np.ones(len(pairs), dtype=bool)),
            "cut": {
                name: judge(split, strategy, pairs, cut, whole=whole) for name, cut in CUTS.items()
            },
        },
    )


def judge(
    split: Split, strategy: Strategy, pairs: Pairs, cut: Cut, *, whole: Scores
) -> dict[str, Any]:
    """Return the figures with one way to cut."""
    texts = [cut(text) for text in split.arms.texts]
    differ = np.array(
        [texts[a] != texts[b] for a, b in zip(pairs.first, pairs.second, strict=True)]
    )
    judged_only = strategy.fit(split.trained).score(texts)
    trained_too = strategy.fit(_cut_arms(split.trained, cut)).score(texts)
    print(texts[:3], file=sys.stderr)
    return {
        "median_words": float(np.median([len(text.split()) for text in texts])),
        "pairs_left_out": int(np.count_nonzero(~differ)),
        "in_full": figures(split, pairs, whole, differ),
        "cut_where_judged": figures(split, pairs, judged_only, differ),
        "cut_in_training_too": figures(split, pairs, trained_too, differ),
    }


def figures(split: Split, pairs: Pairs, scores: Scores, of: Any) -> dict[str, Any]:
    """Return the accuracies on some of the pairs, and the spread of the scores in a pair."""
    gap = scores[pairs.first] - scores[pairs.second]
    hits = np.where(gap == 0, 0.5, (gap > 0) == pairs.first_won)
    sure = of & (pairs.p_value < 0.05)
    columns = {"n": of, "hits": of * hits, "sure_n": sure, "sure_hits": sure * hits}
    sums = {
        name: sum_by_group(np.asarray(each, dtype=np.float64), pairs.group, split.arms.n_groups)
        for name, each in columns.items()
    }
    drawn = resample(sums, rng=np.random.default_rng(SEED))
    return {
        "pairs": int(np.count_nonzero(of)),
        "accuracy_all": estimate(lambda t: t["hits"] / t["n"], total(sums), drawn).record(),
        "accuracy_p05": estimate(
            lambda t: t["sure_hits"] / t["sure_n"], total(sums), drawn
        ).record(),
        "score_spread": float(np.std(gap[of])),
    }


def _cut_arms(arms: Arms, cut: Cut) -> Arms:
    texts: Sequence[str] = [cut(text) for text in arms.texts]
    return replace(arms, texts=tuple(texts))


if __name__ == "__main__":
    main()
