"""Costs and savings of a predictor's refusals, in words."""

from django.utils.formats import number_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ml.presentation.predictor_charts import estimate_in_words
from ml.scoring.manifest import AbstentionRecord, EstimateRecord

KEPT = {
    "unseen_words": _(
        "Wordings with more than %(limit)s%% of new words are refused: of such pairs only "
        "%(refused)s were ranked rightly, of the others %(answered)s."
    ),
    "far_from_training": _(
        "Wordings that resemble no past one are refused: of such pairs only %(refused)s were "
        "ranked rightly, of the others %(answered)s."
    ),
}
DROPPED = {
    "unseen_words": _(
        "New words are no reason to refuse while their share stays below the largest measured "
        "(%(limit)s%%): pairs with many of them were not ranked worse than the others by 3 points."
    ),
    "far_from_training": _(
        "Distance from past wordings is no reason to refuse up to the largest measured: the "
        "most distant pairs were not ranked worse than the others by 3 points."
    ),
}


def abstention_sentences(record: AbstentionRecord) -> list[str]:
    """Return the share of tests that is answered, and what each refusal is worth.

    Args:
        record: Record of the refusals on held-out tests.
    """
    coverage = _share(record["coverage"])
    where = (
        gettext("Of the later tests %(coverage)s are answered.")
        if record["later"]
        else gettext("Of the held-out tests %(coverage)s are answered.")
    )
    sentences = [where % {"coverage": coverage}]
    for rule, each in record["rules"].items():
        shown = {
            "limit": number_format(f"{100 * each['limit']:.0f}"),
            "refused": _share(each["accuracy_refused"]),
            "answered": _share(each["accuracy_answered"]),
        }
        sentences.append(str((KEPT if each["kept"] else DROPPED)[rule] % shown))
    return sentences


def _share(estimate: EstimateRecord) -> str:
    return estimate_in_words(estimate, is_share=True)
