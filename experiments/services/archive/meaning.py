"""Search of the archive by meaning: what the index is made of, and what is found.

The predictor's side encodes and compares (`ml.predict`); a web process only asks.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext

from experiments.models import Experiment, PastTest, Site
from experiments.selectors import history
from experiments.services.archive.entries import folded
from experiments.services.catalogue.cta_content import cta_values, localised
from ml import predict
from ml.history.archived_test import ArchivedTest

CHUNK = 1_000
# Tests that a search by meaning puts before those that only have its words.
MOST_FOUND = 100
# Tests beside a draft or a report.
MOST_LIKE = 10
# Without the meaning shorter words, such as "the", make no test like another.
LEAST_LETTERS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeTest:
    """A past test like another: its nearest wording, and how near in words.

    Both are empty where only words were used.
    """

    test: PastTest
    text: str
    nearness: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NearText:
    """The text of a past test that is nearest to a question, and how near in words."""

    text: str
    nearness: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LikeTests:
    """Past tests like another, the nearest first."""

    tests: Sequence[LikeTest]
    by_meaning: bool


def keep_meaning_index() -> int | None:
    """Make the index anew if the archive or the predictor has changed; belongs in a worker.

    Returns:
        Number of texts in the index; None if there was nothing to do.

    Raises:
        PredictorError: If the predictor in use or its encoder cannot be used.
    """
    stamp = hashlib.sha256(repr(history.past_tests_version()).encode()).hexdigest()
    return predict.update_meaning_index(stamp, _archived_tests)


def _archived_tests() -> Iterator[ArchivedTest]:
    rows = PastTest.objects.order_by("pk").values_list("pk", "site_id", "name", "arms")
    for pk, site, name, arms in rows.iterator(chunk_size=CHUNK):
        texts = (name, *(arm["text"] for arm in arms))
        yield ArchivedTest(test=pk, site=site, texts=texts)


def nearest_to(text: str, *, sites: QuerySet[Site]) -> dict[int, NearText] | None:
    """Return the past tests nearest to a text in meaning by their keys, the nearest first.

    Empty where nothing like it was tested; None where nobody answers: no predictor, no index yet,
    or no scoring service.
    """
    found = _asked((text,), sites=sites, count=MOST_FOUND)
    if found is None:
        return None
    return {one["test"]: NearText(text=one["text"], nearness=_in_words(one)) for one in found}


def _in_words(found: dict[str, Any]) -> str:
    """Return how near a test is; empty for an answer without it."""
    return {
        "very_close": gettext("very close"),
        "close": gettext("close"),
        "loose": gettext("loosely related"),
    }.get(found.get("nearness", ""), "")


def past_tests_like(experiment: Experiment, *, sites: QuerySet[Site]) -> LikeTests:
    """Return past tests like an experiment: near in meaning, or else with words in common.

    Args:
        experiment: A draft or any other; it is not like itself.
        sites: Those whose past tests may be seen.
    """
    texts = _wordings_of(experiment)
    own = history.past_test_of(experiment)
    found = _asked(texts, sites=sites, without=own, count=MOST_LIKE) if texts else []
    rows = history.past_tests(sites=sites)
    if found is None:
        others = rows.exclude(pk=own) if own else rows
        shared = history.with_words_of_any(others, [_long_words(text) for text in texts])
        alike = [LikeTest(test=test, text="", nearness="") for test in shared[:MOST_LIKE]]
        return LikeTests(tests=alike, by_meaning=False)
    known = rows.in_bulk([one["test"] for one in found])
    return LikeTests(
        tests=[
            LikeTest(test=known[one["test"]], text=one["text"], nearness=_in_words(one))
            for one in found
            if one["test"] in known
        ],
        by_meaning=True,
    )


def _asked(
    texts: Iterable[str], *, sites: QuerySet[Site], count: int, without: int | None = None
) -> list[dict[str, Any]] | None:
    question = predict.MeaningQuestion(
        texts=tuple(texts),
        sites=tuple(sites.values_list("pk", flat=True)),
        without=without,
        count=count,
    )
    return predict.ask_by_meaning(question)


def _wordings_of(experiment: Experiment) -> list[str]:
    """Return the distinct wordings of the arms, in the site's language where there is one."""
    locale = experiment.slot.site.default_locale
    values = [localised(cta_values(arm.cta), locale, "en") for arm in experiment.variants.all()]
    return list(dict.fromkeys(value["text"] for value in values if value))


def _long_words(text: str) -> str:
    words = re.findall(r"\w+", folded(text))
    return " ".join(word for word in words if len(word) >= LEAST_LETTERS)
