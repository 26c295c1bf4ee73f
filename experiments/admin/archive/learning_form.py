"""Form of a learning: one sentence, what it is about, its direction and the tests behind it."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.models import Learning, Site
from experiments.selectors import catalogue
from ml import predict

Kind = Learning.Kind
# Between the two parts of a choice: the kind of the subject, and its key.
BETWEEN = ":"


class LearningForm(forms.ModelForm[Learning]):
    about = forms.ChoiceField(
        label=_("About"),
        required=False,
        help_text=_("All past tests of the site on it count for the status, not the linked ones."),
    )

    class Meta:
        model = Learning
        fields = ("site", "statement", "raises", "tests", "note")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "about" not in self.fields:
            return  # Whoever may only read it has no form.
        sites = getattr(self.fields.get("site"), "queryset", Site.objects.none())
        self.fields["about"].choices = subject_choices(sites)  # type: ignore[attr-defined]
        row = self.instance
        self.initial["about"] = f"{row.kind}{BETWEEN}{row.subject}" if row.subject else ""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        site, tests = cleaned.get("site"), cleaned.get("tests")
        if site and tests and any(test.site_id != site.pk for test in tests):
            raise ValidationError({"tests": gettext("These tests belong to another site.")})
        if site and self._is_written_already(site, cleaned):
            raise ValidationError({"statement": gettext("The site has this learning already.")})
        kind, _between, key = cleaned.get("about", "").partition(BETWEEN)
        self.instance.kind, self.instance.subject = (kind, key) if key else (Kind.TESTS, "")
        if site and key and kind in (Kind.SLOT, Kind.AUDIENCE):
            known = dict(subject_choices(Site.objects.filter(pk=site.pk)))
            if cleaned["about"] not in {one for group in known.values() for one, _name in group}:
                raise ValidationError({"about": gettext("This belongs to another site.")})
        return cleaned

    def _is_written_already(self, site: Site, cleaned: dict[str, Any]) -> bool:
        same = Learning.objects.filter(site=site, statement=cleaned.get("statement", ""))
        return same.exclude(pk=self.instance.pk).exists()


def subject_choices(sites: Any) -> list[tuple[Any, Any]]:
    """Return the subjects of these sites by kind, as a choice groups them."""
    slots = catalogue.slots_of(sites=sites).values_list("key", "name")
    audiences = catalogue.audiences_of(sites=sites).values_list("key", "name")
    groups: list[tuple[Any, list[tuple[str, str]]]] = [
        (Kind.PRINCIPLE, list(predict.trait_names().items())),
        (Kind.VERB_FORM, list(predict.verb_form_names().items())),
        (Kind.SLOT, list(slots)),
        (Kind.AUDIENCE, list(audiences)),
    ]
    named = [
        (kind.label, [(f"{kind.value}{BETWEEN}{key}", name) for key, name in pairs])
        for kind, pairs in groups
        if pairs
    ]
    return [("", [("", Kind.TESTS.label)]), *named]
