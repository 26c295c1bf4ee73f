"""Form of the studio: a CTA as a person types it, in each language of its site."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.validators import MaxLengthValidator
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.workflow.wizard_form import language_name
from experiments.legibility import text_direction
from experiments.models import CTA, CTAWording, Site, Tag
from experiments.models.site import BRAND_BACKGROUND, BRAND_TEXT
from experiments.models.validators import locale_validator
from experiments.selectors import catalogue
from experiments.services.drafting.cta_saving import WORDING, CTAChoices, tag_names
from experiments.services.drafting.wordings import markup_fault
from experiments.targeting.languages import spelled

DEFAULTS = {
    "form": str(CTA.Form.BUTTON),
    "size": str(CTA.Size.MEDIUM),
    "background_color": BRAND_BACKGROUND,
    "text_color": BRAND_TEXT,
}
LONGEST_TAG: int = Tag._meta.get_field("name").max_length or 0


def _text(name: str, *, model: Any = CTA, **options: Any) -> forms.CharField:
    """Return a field with the rules of that of the model, under the same name."""
    column = model._meta.get_field(name)
    own = [one for one in column.validators if not isinstance(one, MaxLengthValidator)]
    return forms.CharField(
        validators=own,
        label=options.pop("label", column.verbose_name),
        max_length=column.max_length,
        required=False,
        help_text=column.help_text,
        **options,
    )


def _colour(name: str) -> forms.CharField:
    widget = forms.TextInput(attrs={"type": "color"})
    return _text(name, widget=widget)


class StudioForm(forms.Form):
    """The words first, then the look, then what only lists show."""

    site = forms.ModelChoiceField(label=gettext_lazy("Site"), queryset=Site.objects.none())
    form = forms.ChoiceField(label=gettext_lazy("Form"), choices=CTA.Form.choices)
    size = forms.ChoiceField(label=gettext_lazy("Size"), choices=CTA.Size.choices)
    background_color = _colour("background_color")
    text_color = _colour("text_color")
    icon = _text("icon")
    destination = _text("destination")
    name = _text("name")
    principles = forms.MultipleChoiceField(
        label=gettext_lazy("Principles"),
        choices=CTA.Principle.choices,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        help_text=gettext_lazy("With commas between them."),
    )
    language = forms.CharField(label=gettext_lazy("Another language"), required=False)

    def __init__(self, data: QueryDict, *, sites: QuerySet[Site], cta: CTA | None) -> None:
        super().__init__(data)
        field: Any = self.fields["site"]
        field.queryset = sites
        self.cta = cta
        self.chosen = cta.site if cta else self._site()
        self.languages: dict[str, str] = {}
        if self.chosen is not None:
            self._offer_languages(self.chosen)

    def _site(self) -> Site | None:
        field: Any = self.fields["site"]
        try:
            site: Site | None = field.clean(self.data.get("site"))
        except forms.ValidationError:
            return None
        return site

    def _offer_languages(self, site: Site) -> None:
        typed = [name.removeprefix(WORDING) for name in self.data if name.startswith(WORDING)]
        known = [*catalogue.languages_of_site(site), *filter(is_language, typed)]
        self.languages = {tag: language_name(tag) for tag in dict.fromkeys(known)}
        for tag, name in self.languages.items():
            attrs = {"lang": tag, "dir": text_direction(tag), "spellcheck": "true"}
            self.fields[WORDING + tag] = _text(
                "text", model=CTAWording, label=name, widget=forms.TextInput(attrs=attrs)
            )

    @property
    def boxes(self) -> list[forms.BoundField]:
        return [self[WORDING + tag] for tag in self.languages]

    @property
    def texts(self) -> dict[str, str]:
        """Wordings that are there, by language, right or wrong."""
        typed = {tag: self.data.get(WORDING + tag, "").strip() for tag in self.languages}
        return {tag: text for tag, text in typed.items() if text}

    @property
    def gaps(self) -> list[str]:
        """Languages of the site without a text, once there is one in another."""
        return [name for tag, name in self.languages.items() if tag not in self.texts]

    def drawn(self) -> CTA:
        """Return the CTA as typed, for drawings and checks; defaults stand for what is wrong."""
        self.errors  # noqa: B018  # Fields are cleaned once somebody asks for their faults.
        right = self.cleaned_data
        look = {name: right.get(name) or default for name, default in DEFAULTS.items()}
        cta = CTA(site=self.chosen, icon=right.get("icon", ""), **look)
        if self.cta is not None:
            # Its slot decides how large it has to be.
            cta.pk, cta._state.adding = self.cta.pk, False
        return cta

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if self.cta is not None:
            self.errors.pop("site", None)
        for tag, text in self.texts.items():
            if fault := markup_fault(text):
                self.add_error(WORDING + tag, fault)
        if self.chosen is not None and not self.texts:
            self.add_error(WORDING + next(iter(self.languages)), _("Write the words."))
        for name in tag_names(data.get("tags", "")):
            if len(name) > LONGEST_TAG:
                text = _("The tag “%(name)s” is too long.") % {"name": name[:40]}
                self.add_error("tags", text)
        return data

    def choices(self) -> CTAChoices:
        """Return what a valid form has chosen."""
        data = self.cleaned_data
        own = ("name", "destination", "icon", "principles", *DEFAULTS)
        return CTAChoices(
            values={name: data[name] for name in own},
            wordings=self.texts,
            tags=tag_names(data["tags"]),
        )

    def take_faults(self, errors: Mapping[str, Any]) -> None:
        """Show what the models refuse: beside the field where there is one."""
        for name, texts in errors.items():
            for text in texts:
                self.add_error(name if name in self.fields else None, text)


def is_language(tag: str) -> bool:
    """Return whether a text could be a language tag, in the spelling in which tags are kept."""
    try:
        locale_validator(tag)
    except forms.ValidationError:
        return False
    return spelled(tag) == tag
