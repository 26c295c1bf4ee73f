"""Page and form of a webhook: where notices go, and which; its test is below."""

from typing import Any, ClassVar

from django import forms
from django.utils.translation import get_language, gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from experiments.admin.task_pages.fields import begin_with_only_site
from experiments.admin.task_pages.page import Question, Task
from experiments.models import Notice, Webhook
from experiments.selectors.notices import gets_trainings
from experiments.selectors.permissions import VIEW_TRAINING, may
from experiments.services.notices.choices import ON_THE_PAGE
from experiments.services.notices.webhook_calls import (
    WebhookError,
    checked_address,
    reason_in_words,
)

TRAINED = Notice.Kind.TRAINED
# Digests are of one reader, trainings of the whole installation.
OF_A_SITE = tuple(kind for kind in ON_THE_PAGE if kind is not TRAINED)


class WebhookForm(forms.ModelForm[Webhook]):
    """A webhook; notices of trainings are offered to those who may see the trainings."""

    # Set by the page.
    person: Any = None
    kinds = forms.MultipleChoiceField(
        label=_("Notices"),
        choices=[(kind.value, kind.label) for kind in ON_THE_PAGE],
        initial=[kind.value for kind in OF_A_SITE],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Webhook
        fields = ("site", "name", "url", "format", "language", "kinds", "is_active")
        widgets: ClassVar = {"url": UnfoldAdminTextInputWidget(attrs={"type": "url"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "kinds" not in self.fields:
            return
        field: Any = self.fields["kinds"]
        if may(self.person, VIEW_TRAINING):
            field.help_text = self._who_answers()
            return
        # Whoever else has chosen them keeps them: they are not dropped by a save.
        kept = {TRAINED} if TRAINED in (self.instance.kinds or ()) else set()
        kinds = [kind for kind in ON_THE_PAGE if kind in {*OF_A_SITE, *kept}]
        field.choices = [(kind.value, kind.label) for kind in kinds]
        field.help_text = _(
            "Trainings of the predictor are of all sites: only those with a role on each of them"
            " can choose their notices."
        )

    def _who_answers(self) -> str:
        """Return on whose role it rests that notices of trainings are sent."""
        row = self.instance
        if TRAINED not in (row.kinds or ()) or row.pk is None:
            return gettext("Trainings are told as long as whoever chose them may see every site.")
        if gets_trainings(row):
            text = gettext("Trainings are told as long as %(person)s may see every site.")
            return text % {"person": row.created_by}
        return gettext(
            "Trainings are not told: whoever chose them may not see every site any more. Save the"
            " page, and they are told in your name."
        )

    def clean_url(self) -> str:
        url = str(self.cleaned_data["url"]).strip()
        try:
            checked_address(url)
        except WebhookError as error:
            raise forms.ValidationError(reason_in_words(str(error))) from error
        return url

    def clean(self) -> dict[str, Any]:
        found: dict[str, Any] = super().clean() or self.cleaned_data
        same = Webhook.objects.exclude(pk=self.instance.pk).filter(
            site=found.get("site"), url=found.get("url", ""), format=found.get("format", "")
        )
        # It would get every notice twice.
        if "url" in found and same.exists():
            self.add_error("url", gettext("The site has a webhook with this address."))
        return found


class WebhookPageForm(WebhookForm):
    """A webhook as people know it: a chat or a program of their own."""

    page_url = ""

    class Meta(WebhookForm.Meta):
        labels: ClassVar = {
            "name": _("Name of the receiver"),
            "url": _("Its address"),
            "format": _("Kind of receiver"),
            "language": _("In which language"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begin_with_only_site(self)


WEBHOOK = Task(
    form=WebhookPageForm,
    new_title=_("New webhook"),
    intro=_("A webhook tells a chat or a program of your own what happens to the tests of a site."),
    initial=lambda request: {"language": get_language() or "en"},
    questions=(
        Question(
            title=_("Who is told?"),
            fields=("site", "name", "format", "url"),
        ),
        Question(title=_("What are they told?"), fields=("kinds", "language")),
        Question(title=_("Details"), fields=("is_active",), is_folded=True),
    ),
)
