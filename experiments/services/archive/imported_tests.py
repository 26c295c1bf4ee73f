"""Imported past tests as entries of the archive, read from the past wordings of a site.

An imported test has no control: it says whether its wordings differ, not by how much one of them
beat what was there before.
"""

import hashlib
import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import groupby

import numpy as np

from experiments.models import HistoryArm, PastTest, Site
from experiments.selectors import history
from experiments.services.archive.entries import ArmEntry, columns_of, folded, language_of
from experiments.stats.estimation.sufficient_statistics import Proportion
from experiments.stats.frequentist.omnibus import chi_squared

# Wordings are compared with those of the same test only, in the same place and language.
GROUP = ("test", "context", "audience", "locale")
# Significance level of the one test for whether the wordings differ.
ALPHA = 0.05
CHUNK = 1_000

Verdict = PastTest.Verdict


def imported_tests(site: Site, *, now: datetime) -> Iterator[PastTest]:
    """Yield the imported tests of a site as rows of its archive, which are not stored."""
    rows = history.past_wordings_by_test(site).iterator(chunk_size=CHUNK)
    for _group, arms in groupby(rows, lambda arm: tuple(getattr(arm, name) for name in GROUP)):
        yield _past_test(site, list(arms), now)


def _past_test(site: Site, arms: Sequence[HistoryArm], now: datetime) -> PastTest:
    first = arms[0]
    name = "\x1f".join(getattr(first, field) for field in GROUP)
    entries = [_entry(arm) for arm in arms]
    best = max(arms, key=lambda arm: arm.clicks / arm.visitors if arm.visitors else 0.0)
    verdict = _verdict(arms)
    return PastTest(
        site=site,
        # Stored; never change its input.
        digest=hashlib.sha256(f"import\x1f{name}".encode()).hexdigest(),
        source=PastTest.Source.IMPORT,
        name=first.test,
        verdict=verdict,
        best=best.text if verdict == Verdict.DIFFERENT else "",
        placement=first.placement,
        audience=first.audience,
        locale=first.locale,
        form=first.form,
        ended_on=max((arm.ended_on for arm in arms if arm.ended_on), default=None),
        words=folded(first.test, *(arm.text for arm in arms)),
        suspect=any(arm.suspect for arm in arms),
        is_simulated=any(arm.is_simulated for arm in arms),
        kept_at=now,
        **columns_of(entries),
    )


def _entry(arm: HistoryArm) -> ArmEntry:
    rate = arm.clicks / arm.visitors if arm.visitors else None
    return ArmEntry(
        text=arm.text,
        visitors=arm.visitors,
        clicks=arm.clicks,
        rate=rate,
        is_control=False,
        # Delta method: the variance of the logarithm of a proportion is (1 - p) / (n p).
        log=math.log(rate) if rate else None,
        variance=(1 - rate) / arm.clicks if rate and rate < 1 else None,
        **language_of(arm.text, arm.locale),  # type: ignore[arg-type]
    )


def _verdict(arms: Sequence[HistoryArm]) -> str:
    if any(arm.suspect for arm in arms):
        return Verdict.INVALID
    if len(arms) < 2:
        return Verdict.OPEN
    counts = Proportion(
        n=np.array([float(arm.visitors) for arm in arms]),
        sum=np.array([float(arm.clicks) for arm in arms]),
    )
    p_value = chi_squared(counts).p_value
    return Verdict.DIFFERENT if p_value is not None and p_value < ALPHA else Verdict.INCONCLUSIVE
