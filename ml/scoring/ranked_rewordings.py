"""Rewordings to test, ranked by a trained predictor."""

from collections import Counter
from collections.abc import Sequence

from ml.language.wording_validation import wording_fault
from ml.scoring.context import Context
from ml.scoring.results import Rewording
from ml.scoring.rewordings import best_past, propose
from ml.scoring.scorer import ANYBODY, Scorer

# Number of past wordings that are offered again.
MAX_OWN_WORDINGS = 30
# Limit per source wording: a test of near-duplicates is hardly informative.
MAX_OF_ONE_SOURCE = 3


def rank_rewordings(
    scorer: Scorer,
    texts: Sequence[str],
    *,
    control: str | None = None,
    context: Context = ANYBODY,
    count: int = 10,
) -> tuple[Rewording, ...]:
    """Return rewordings to test, ranked by the model, best first.

    Args:
        scorer: A trained predictor.
        texts: Wordings to start from.
        control: Current wording; rewordings start from it too, and are compared with it.
        context: Context of the wordings.
        count: Maximum number of rewordings.

    Returns:
        Rewordings that are not refused, at most three per source; empty if the language or the
        audience is refused.
    """
    if count < 1:
        return ()
    originals = list(dict.fromkeys([*([control] if control else []), *texts]))
    usable = [text for text in originals if wording_fault(text) is None]
    if not usable:
        return ()
    past = best_past(
        scorer.artifact.past,
        likeness=scorer.likeness_to_past(usable),
        language=context.level("locale"),
        count=MAX_OWN_WORDINGS,
    )
    drafts = propose(usable, locale=context.locale, own_best=past)
    if not drafts:
        return ()
    outcome = scorer.score([draft.text for draft in drafts], control=control, context=context)
    # The control comes first, because its text never equals a draft's.
    scored = zip(drafts, outcome.wordings[-len(drafts) :], strict=True)
    ranked = sorted(
        (
            (wording.score, Rewording(suggestion=draft, chance=wording.chance, lift=wording.lift))
            for draft, wording in scored
            if wording.score is not None
        ),
        key=lambda pair: -pair[0],
    )
    chosen: list[Rewording] = []
    sources: Counter[str] = Counter()
    for _, rewording in ranked:
        source = rewording.suggestion.source
        if sources[source] < MAX_OF_ONE_SOURCE and len(chosen) < count:
            sources[source] += 1
            chosen.append(rewording)
    return tuple(chosen)
