"""Forms of a report that were refused: what was typed, and why, for the next page of the report.

The answer to a form of the report leads back to it, so both are kept in the session meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from django import forms
from django.http import HttpRequest

from experiments.models import Experiment

KEY = "refused_form"
Form = TypeVar("Form", bound=forms.Form)
Faults = Mapping[str, Sequence[str]]


def keep_refused(request: HttpRequest, experiment: Experiment, name: str, faults: Faults) -> None:
    """Keep the fields of a posted form, one form at a time; `faults` are sentences by field."""
    request.session[KEY] = {
        "form": [name, experiment.pk],
        "typed": request.POST.dict(),
        "faults": {field: list(sentences) for field, sentences in faults.items()},
    }


def refused_form(
    request: HttpRequest, experiment: Experiment, name: str, make: Callable[[Any], Form]
) -> Form | None:
    """Return the form that was refused, once, with what was typed and why; None for nothing."""
    if request.session.get(KEY, {}).get("form") != [name, experiment.pk]:
        return None
    kept = request.session.pop(KEY)
    form = make(kept["typed"])
    form.full_clean()
    # What the service has found, and not what the form finds once more.
    form.errors.clear()
    for field, sentences in kept["faults"].items():
        form.add_error(field if field in form.fields else None, sentences)
    return form
