"""Rewordings to test, ranked by a trained predictor."""

from collections import Counter
from collections.abc import Sequence

from ml.language.wording_validation import wording_fault
from ml.scoring.context import Context
from ml.scoring.results import Rewording
from ml.scoring.rewordings import best_past, propose
from ml.scoring.scorer import ANYBODY, Scorer

# Past wordings that are offered again.
MAX_OWN_WORDINGS = 30
# Not all from the best wording: a test of near-twins teaches little.
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
        control: The present wording; rewordings start from it too, and are compared with it.
        context: Target of the rewordings.
        count: Maximum number of rewordings.

    Returns:
        Those that are not refused, at most three of one source; none if the language or the
        audience is refused.
    """
    if count < 1:
        return ()
    asked = list(dict.fromkeys([*([control] if control else []), *texts]))
    usable = [text for text in asked if wording_fault(text) is None]
    own = best_past(scorer.artifact.past, language=context.level("locale"), count=MAX_OWN_WORDINGS)
    drafts = propose(usable, locale=context.locale, own_best=own)
    if not drafts:
        return ()
    outcome = scorer.score([draft.text for draft in drafts], control=control, context=context)
    # The control stands before them: no draft has its text.
    scored = zip(drafts, outcome.wordings[-len(drafts) :], strict=True)
    ranked = sorted(
        (
            (wording.score, Rewording(suggestion=draft, chance=wording.chance, lift=wording.lift))
            for draft, wording in scored
            if wording.score is not None
        ),
        key=lambda each: -each[0],
    )
    chosen: list[Rewording] = []
    sources: Counter[str] = Counter()
    for _, rewording in ranked:
        source = rewording.suggestion.source
        if sources[source] < MAX_OF_ONE_SOURCE and len(chosen) < count:
            sources[source] += 1
            chosen.append(rewording)
    return tuple(chosen)
