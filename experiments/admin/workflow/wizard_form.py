"""Form of the wizard: what a person types, kept as typed, and read as choices."""

from collections.abc import Mapping, Sequence
from typing import Any

from babel import Locale, UnknownLocaleError
from django import forms
from django.db.models import QuerySet
from django.http import QueryDict
from django.utils import formats, timezone
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from experiments.admin.editing.condition_field import ConditionField, ConditionWidget
from experiments.admin.editing.kept_fields import data_of, fields_of_post
from experiments.admin.editing.row_checks import SCHEDULE_FAULTS
from experiments.models import Audience, Experiment, ExperimentTemplate, Site, Slot
from experiments.selectors import catalogue
from experiments.selectors.reports import goals_of
from experiments.services.drafting.building import Choices
from experiments.services.drafting.wordings import TypedWordings, gap_in_words, read_wordings
from experiments.services.lifecycle.schedules import moment_is_over

EVERYBODY, EXISTING, NEW = "everybody", "existing", "new"
WHO = (
    (EVERYBODY, gettext_lazy("Every visitor")),
    (EXISTING, gettext_lazy("One of your audiences")),
    (NEW, gettext_lazy("New audience")),
)
WORDINGS = "wordings_"
CONDITION = "condition_"
# What the page shows at first.
DEFAULTS = {"who": EVERYBODY, "metric": str(Experiment.Metric.CLICK_RATE), "lift": "10"}
DEFAULTS |= {f"{CONDITION}mode": "rows", f"{CONDITION}match": "all"}
LONGEST_NOTE = 2_000
# Widgets of dates write what browsers read.
DATETIME = "%Y-%m-%dT%H:%M"


def language_name(tag: str) -> str:
    """Return the name of a language in that of the page; the tag if nobody knows it."""
    try:
        name = Locale.parse(tag, sep="-").get_display_name(get_language() or "en")
    except (ValueError, UnknownLocaleError):
        name = None
    return name or tag


def _moment(label: Any) -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=DATETIME)
    return forms.DateTimeField(label=label, required=False, widget=widget)


class WizardForm(forms.Form):
    """Five steps; the boxes of the wordings and what can be chosen depend on the slot."""

    slot = forms.ModelChoiceField(
        label=gettext_lazy("Slot"),
        queryset=Slot.objects.none(),
        empty_label=gettext_lazy("Choose a slot"),
        error_messages={"required": gettext_lazy("Choose the slot to test on.")},
    )
    # The template that the fields were filled from; it also gives what the page has no field for.
    template = forms.ModelChoiceField(
        queryset=ExperimentTemplate.objects.none(),
        required=False,
        widget=forms.HiddenInput,
        error_messages={
            "invalid_choice": gettext_lazy("This template is not there any more: choose again.")
        },
    )
    takes_look = forms.BooleanField(
        label=gettext_lazy("New wordings in the look of the template"), required=False
    )
    name = forms.CharField(label=gettext_lazy("Name of the test"), required=False, max_length=200)
    allow_gaps = forms.BooleanField(
        label=gettext_lazy("Start without them: those visitors see another language"),
        required=False,
    )
    who = forms.ChoiceField(label=gettext_lazy("Who takes part"), choices=WHO)
    audience = forms.ModelChoiceField(
        label=gettext_lazy("Audience"), queryset=Audience.objects.none(), required=False
    )
    audience_name = forms.CharField(
        label=gettext_lazy("Name of the new audience"), required=False, max_length=200
    )
    condition = ConditionField(
        label=gettext_lazy("Conditions"), required=False, widget=ConditionWidget(offers_json=False)
    )
    metric = forms.ChoiceField(label=gettext_lazy("What counts"), choices=Experiment.Metric.choices)
    goal = forms.CharField(
        label=gettext_lazy("Goal"),
        required=False,
        max_length=100,
        help_text=gettext_lazy("Name of the conversion that counts."),
    )
    guarded = forms.MultipleChoiceField(
        label=gettext_lazy("Must not lose"), required=False, widget=forms.CheckboxSelectMultiple
    )
    lift = forms.FloatField(
        label=gettext_lazy("Smallest lift worth finding, in %"),
        min_value=1,
        max_value=500,
        localize=True,
    )
    ends_when_planned = forms.BooleanField(
        label=gettext_lazy("end when the plan is reached"), required=False
    )
    starts_at = _moment(gettext_lazy("Planned start"))
    ends_at = _moment(gettext_lazy("Planned end"))
    approval_note = forms.CharField(
        label=gettext_lazy("Note to whoever approves"), required=False, max_length=LONGEST_NOTE
    )

    def __init__(self, data: QueryDict, *, sites: QuerySet[Site]) -> None:
        super().__init__(data)
        self._rows("slot", catalogue.slots_of(sites=sites))
        self.chosen = self._slot()
        self.languages: dict[str, str] = {}
        if self.chosen is not None:
            self._follow(self.chosen)

    def _rows(self, name: str, rows: QuerySet[Any]) -> None:
        field: Any = self.fields[name]
        field.queryset = rows

    def _slot(self) -> Slot | None:
        field: Any = self.fields["slot"]
        try:
            slot: Slot | None = field.clean(self.data.get("slot"))
        except forms.ValidationError:
            return None
        return slot

    def _follow(self, slot: Slot) -> None:
        """Offer what the slot and its site have."""
        own = Site.objects.filter(pk=slot.site_id)
        self._rows("audience", catalogue.audiences_of(sites=own))
        self._rows("template", catalogue.templates_of(sites=own))
        guarded: Any = self.fields["guarded"]
        guarded.choices = [(goal, goal) for goal in goals_of(slot.site)]
        tags = catalogue.languages_of_slot(slot)
        self.languages = {tag: language_name(tag) for tag in tags}
        for tag, name in self.languages.items():
            self.fields[WORDINGS + tag] = forms.CharField(
                label=name,
                required=False,
                strip=False,
                widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "true", "lang": tag}),
            )

    @property
    def used_template(self) -> ExperimentTemplate | None:
        """Return the template in use, even if other fields of the form are wrong."""
        field: Any = self.fields["template"]
        try:
            template: ExperimentTemplate | None = field.clean(self.data.get("template"))
        except forms.ValidationError:
            return None
        return template

    @property
    def look(self) -> dict[str, str]:
        """Return the fields of the look that new arms take from the template."""
        template = self.used_template if self.data.get("takes_look") else None
        return dict(template.content["look"]) if template else {}

    @property
    def boxes(self) -> list[forms.BoundField]:
        return [self[WORDINGS + tag] for tag in self.languages]

    @property
    def control(self) -> dict[str, str]:
        """Texts of what visitors see now, by language."""
        rows = self.chosen.default_cta.wordings.all() if self.chosen else ()
        return {row.locale: row.text for row in rows}

    def typed_wordings(self) -> TypedWordings:
        texts = {tag: self.data.get(WORDINGS + tag, "") for tag in self.languages}
        return read_wordings(texts, control=self.control)

    @property
    def has_faults_beside_missing_words(self) -> bool:
        typed = self.typed_wordings()
        is_empty = not typed.arms and not any(typed.faults.values())
        return any(not (is_empty and name.startswith(WORDINGS)) for name in self.errors)

    def clean(self) -> dict[str, Any]:
        """Refuse what fits no test; each fault beside its field."""
        data: dict[str, Any] = super().clean() or {}
        if self.chosen is None:
            return data
        self._clean_wordings()
        if data.get("who") != NEW:
            # Not in use: its rows may be half typed.
            self.errors.pop("condition", None)
            data.setdefault("condition", {})
        if data.get("who") == EXISTING and not data.get("audience"):
            self._fault("audience", _("Choose an audience."))
        if data.get("who") == NEW and not data.get("audience_name"):
            self._fault("audience_name", _("Give the audience a name."))
        if data.get("metric") != Experiment.Metric.CLICK_RATE and not data.get("goal"):
            self._fault("goal", _("This metric needs a goal."))
        begin, end = data.get("starts_at"), data.get("ends_at")
        if begin and end and end <= begin:
            self._fault("ends_at", _("The planned end must come after the planned start."))
        elif moment_is_over(end, kept=None, now=timezone.now()):
            self._fault("ends_at", str(SCHEDULE_FAULTS["ends_at"]))
        return data

    def _clean_wordings(self) -> None:
        typed = self.typed_wordings()
        first = next(iter(self.languages))
        for tag, faults in typed.faults.items():
            for fault in faults:
                self._fault(WORDINGS + tag, fault)
        if not typed.arms:
            self._fault(WORDINGS + first, _("Write at least one wording, one per line."))

    def _fault(self, name: str, text: str) -> None:
        if not self.has_error(name):
            self.add_error(name, text)
        elif text not in self.errors[name]:
            self.errors[name].append(text)

    def gaps(self) -> dict[str, list[str]]:
        """Return the missing texts as sentences, by language."""
        found: dict[str, list[str]] = {}
        for number, tag in self.typed_wordings().gaps():
            found.setdefault(tag, []).append(gap_in_words(number, self.languages[tag]))
        return found

    def choices(self) -> Choices:
        """Return what a valid form has chosen."""
        data = self.cleaned_data
        who = data["who"]
        metric = data["metric"]
        gaps = (
            [] if data["allow_gaps"] else [text for all_ in self.gaps().values() for text in all_]
        )
        return Choices(
            slot=data["slot"],
            name=data["name"],
            wordings=self.typed_wordings().arms,
            audience=data["audience"] if who == EXISTING else None,
            new_audience=data["audience_name"] if who == NEW else "",
            condition=data["condition"] if who == NEW else None,
            metric=metric,
            goal="" if metric == Experiment.Metric.CLICK_RATE else data["goal"],
            guarded_goals=tuple(data["guarded"]),
            lift=data["lift"] / 100,
            starts_at=data["starts_at"],
            ends_at=data["ends_at"],
            ends_when_planned=data["ends_when_planned"],
            gaps=tuple(gaps),
            template=data["template"],
            takes_look=data["takes_look"],
        )


def content_of_post(data: QueryDict) -> dict[str, list[str]]:
    """Return the fields of the wizard that a browser has sent."""
    return fields_of_post(data, set(WizardForm.base_fields), (WORDINGS, CONDITION))


def as_data(content: Mapping[str, Sequence[str]]) -> QueryDict:
    """Return kept fields as a browser would send them, with the defaults for what is missing."""
    return data_of(content, DEFAULTS)


def with_template(
    content: Mapping[str, Sequence[str]], template: ExperimentTemplate | None
) -> dict[str, list[str]]:
    """Return the fields with those of a template, or without one; words and slot stay."""
    kept = {key: list(texts) for key, texts in content.items()}
    for name in ("template", "takes_look", "audience", "guarded", "ends_when_planned"):
        kept.pop(name, None)
    if template is None:
        return kept
    plan = template.content["plan"]
    rate = Experiment.Metric.CONVERSION_RATE
    guarded = [row["goal"] for row in template.content["guardrails"] if row["metric"] == rate]
    fields = {
        "template": [str(template.pk)],
        "who": [EXISTING if template.audience_id else EVERYBODY],
        "audience": [str(template.audience_id)] if template.audience_id else [],
        "metric": [plan["primary_metric"]],
        "goal": [plan["goal"]],
        "guarded": guarded,
        "lift": [formats.localize_input(round(template.content["lift"] * 100, 4))],
        "ends_when_planned": ["on"] if plan["ends_when_planned"] else [],
    }
    return kept | {name: texts for name, texts in fields.items() if texts}


def with_line(content: Mapping[str, Sequence[str]], tag: str, text: str) -> dict[str, list[str]]:
    """Return the fields with one more wording at the end of a language's box."""
    name = WORDINGS + tag
    before = "".join(content.get(name, ())).rstrip()
    lines = [*before.splitlines(), text]
    return {**{key: list(texts) for key, texts in content.items()}, name: ["\n".join(lines)]}
