"""A predictor version in sentences: how often it is right, and what differs from the one before."""

from collections.abc import Iterator

from django.utils.formats import number_format
from django.utils.translation import gettext

from ml.presentation.messages import STRATEGIES
from ml.scoring.manifest import EstimateRecord, Manifest, interval_of


def accuracy_sentences(manifest: Manifest, *, strategy: str) -> list[str]:
    """Return how often the version names the better of two wordings, for people.

    Args:
        manifest: Record of the training.
        strategy: Key of the strategy that is served; empty if none passed the gate.
    """
    if not strategy:
        return [gettext("No strategy passed the gate: it predicts nothing, rather than guess.")]
    return list(_accuracy(manifest, strategy))


def difference_sentences(
    manifest: Manifest, before: Manifest, *, strategy: str, strategy_before: str
) -> list[str]:
    """Return what a version has that the one before had not: tests, strategy, encoder, accuracy.

    Args:
        manifest: Record of the training.
        before: Record of the training before it.
        strategy: Key of the strategy that is served; empty if none passed the gate.
        strategy_before: The same of the version before.
    """
    return list(_differences(manifest, before, strategy, strategy_before))


def _accuracy(manifest: Manifest, strategy: str) -> Iterator[str]:
    figures = _in_hundred(manifest["metrics"][strategy]["accuracy_all"])
    if figures is None:
        yield gettext("There were no pairs of wordings to judge it by.")
        return
    yield (
        gettext(
            "Of two past wordings that it had not seen, it names the better one in %(value)s of"
            " 100 cases (%(low)s to %(high)s). Guessing is right in 50."
        )
        % figures
    )
    best = _in_hundred(manifest["ceiling"]["binomial"])
    if best is not None:
        yield (
            gettext(
                "Chance decided some of those tests: nobody could be right in more than about"
                " %(value)s of 100."
            )
            % best
        )
    confirmation = manifest.get("confirmation")
    later = confirmation["metrics"].get(strategy) if confirmation else None
    later_figures = _in_hundred(later["accuracy_all"]) if later else None
    if later_figures is not None:
        yield (
            gettext(
                "On tests later than all that it learned from: %(value)s (%(low)s to %(high)s)."
            )
            % later_figures
        )


def _differences(
    manifest: Manifest, before: Manifest, strategy: str, strategy_before: str
) -> Iterator[str]:
    groups = manifest["data"]["groups"] - before["data"]["groups"]
    if groups:
        text = (
            gettext("%(n)s more past contrasts to learn from.")
            if groups > 0
            else gettext("%(n)s fewer past contrasts to learn from.")
        )
        yield text % {"n": number_format(abs(groups))}
    if strategy != strategy_before:
        yield gettext("Another strategy: %(now)s, formerly %(before)s.") % {
            "now": _name(strategy),
            "before": _name(strategy_before),
        }
    encoders = [each["configuration"]["encoder"]["name"] for each in (manifest, before)]
    if encoders[0] != encoders[1]:
        values = dict(zip(("now", "before"), encoders, strict=True))
        yield gettext("Another encoder: %(now)s, formerly %(before)s.") % values
    yield from _gain(manifest, before, strategy, strategy_before)


def _gain(
    manifest: Manifest, before: Manifest, strategy: str, strategy_before: str
) -> Iterator[str]:
    if not (strategy and strategy_before):
        return
    now = manifest["metrics"][strategy]["accuracy_all"]["value"]
    then = before["metrics"][strategy_before]["accuracy_all"]["value"]
    if now is None or then is None:
        return
    values = {
        "now": number_format(f"{100 * now:.1f}"),
        "before": number_format(f"{100 * then:.1f}"),
    }
    text = gettext("Right in %(now)s of 100 pairs, formerly in %(before)s.") % values
    if manifest["data"]["sha256"] != before["data"]["sha256"]:
        text += " " + gettext("Each is measured on its own past tests.")
    yield text


def _name(strategy: str) -> str:
    return str(STRATEGIES[strategy]) if strategy else gettext("none passed the gate")


def _in_hundred(estimate: EstimateRecord) -> dict[str, str] | None:
    interval = interval_of(estimate)
    if interval is None:
        return None
    names = ("value", "low", "high")
    return {
        name: number_format(f"{100 * figure:.0f}")
        for name, figure in zip(names, interval, strict=True)
    }
