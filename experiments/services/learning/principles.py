"""Effects of principles in past tests, measured once for each state of the archive.

An archive of 300,000 wordings takes some fifteen seconds. One measurement runs at a time in a
process, and its outcome is kept until a wording, a count or a finished experiment is added.
"""

import threading
from typing import Any, NamedTuple

from django.db.models import QuerySet
from django.utils.translation import get_language, override

from experiments.models import Site
from experiments.selectors import history
from experiments.services.learning.history_rows import history_rows
from ml import predict

# Questions of which the answer is kept; each takes some kilobytes.
KEPT = 64

_one_measures = threading.Lock()
_kept: dict["_Question", dict[str, Any]] = {}


class _Question(NamedTuple):
    sites: tuple[int, ...]
    locale: str
    audience: str
    language: str | None
    version: tuple[Any, ...]


def principles(*, sites: QuerySet[Site], locale: str = "", audience: str = "") -> dict[str, Any]:
    """Return the result of `predict.measure_principles` for the past tests of these sites.

    Args:
        sites: Sites whose archive and finished experiments count.
        locale: Language tag: only tests in this language. Empty: all.
        audience: Key: only tests with this audience. Empty: all.
    """
    keys = tuple(sites.order_by("pk").values_list("pk", flat=True))
    version = history.archive_version(sites=sites)
    question = _Question(keys, locale, audience, get_language(), version)
    kept = _kept.get(question)
    if kept is not None:
        return kept
    # Those who ask the same at once wait for one answer; nobody waits for one that is kept.
    with _one_measures:
        if question not in _kept:
            _keep(question, _measured(question))
        return _kept[question]


def _keep(question: _Question, measured: dict[str, Any]) -> None:
    """Keep an answer in place of the oldest, if there are many; under the lock."""
    if len(_kept) >= KEPT:
        del _kept[next(iter(_kept))]
    _kept[question] = measured


def _measured(question: _Question) -> dict[str, Any]:
    sites = Site.objects.filter(pk__in=question.sites)
    with override(question.language):
        return predict.measure_principles(
            history_rows(sites=sites), locale=question.locale, audience=question.audience
        )
