"""Page of a slot: its place, and what stands there, chosen or written down at once."""

from typing import Any, ClassVar

from django import forms
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.task_pages.fields import KeyFromName, begin_with_only_site
from experiments.admin.task_pages.page import Question, Task, Use, Uses, tests_with
from experiments.admin.workflow.studio import studio_url
from experiments.models import CTA, CTAWording, Site, Slot
from experiments.services.drafting.cta_saving import cta_of_words, faults_of_words
from experiments.services.drafting.wordings import markup_fault
from experiments.services.edits.edit_log import Author

# A longer list is searched, not read.
MOST_CTAS = 50
FIND = "find"
LONGEST_WORDING: int = CTAWording._meta.get_field("text").max_length or 0


class SlotPageForm(KeyFromName):
    """A slot, whose default is one of the site's CTAs or new words in the look of the site."""

    new_words = forms.CharField(
        label=_("Or write down the words that stand there now"),
        required=False,
        max_length=LONGEST_WORDING,
        help_text=_(
            "They become a new CTA in the language of the site, in the look of what is chosen"
            " above, else in the brand colours of the site."
        ),
    )

    class Meta:
        model = Slot
        fields = ("site", "name", "page_pattern", "position", "default_cta", "key")
        labels: ClassVar = {
            "name": _("Name of the place"),
            "page_pattern": _("On which page"),
            "position": _("Where on the page"),
            "default_cta": _("What stands there now"),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        begin_with_only_site(self)
        if "default_cta" not in self.fields:
            return
        self.chosen = self._site()
        field: Any = self.fields["default_cta"]
        field.required = False
        self.ctas = self._ctas()
        field.choices = [("", gettext("Choose a CTA")), *((one.pk, one.name) for one in self.ctas)]
        if "site" in self.fields and not self.fields["site"].widget.is_hidden:
            self._follow_the_site()

    @property
    def is_long(self) -> bool:
        """Return whether there are more CTAs than the list shows, or may be at another site."""
        is_site_asked = "site" in self.fields and not self.fields["site"].widget.is_hidden
        is_searched = bool(self.initial.get(FIND))
        return is_site_asked or is_searched or len(self.ctas) >= MOST_CTAS

    def _site(self) -> Site | None:
        if "site" not in self.fields:
            present: Site = self.instance.site
            return present
        field: Any = self.fields["site"]
        given = self["site"].value()
        try:
            site: Site | None = field.to_python(given)
        except forms.ValidationError:
            return None
        return site

    def _ctas(self) -> list[CTA]:
        """Return the CTAs of the site that are offered, with the one that is chosen."""
        field: Any = self.fields["default_cta"]
        rows = field.queryset.filter(site=self.chosen).order_by("name")
        if text := str(self.initial.get(FIND, "")):
            rows = rows.filter(name__icontains=text)
        offered = list(rows[:MOST_CTAS])
        present = self.instance.default_cta if self.instance.default_cta_id else None
        try:
            chosen = field.to_python(self["default_cta"].value())
        except forms.ValidationError:
            chosen = None
        known = [one for one in (chosen, present) if one and one.site_id == self._site_key()]
        return list(dict.fromkeys([*known, *offered]))

    def _site_key(self) -> int | None:
        return self.chosen.pk if self.chosen else None

    def _follow_the_site(self) -> None:
        """Let the list of CTAs follow the site that is chosen."""
        self.fields["site"].widget.attrs |= {
            "hx-get": f"{self.page_url}?part=default_cta",
            "hx-target": "#id_default_cta",
            "hx-trigger": "change",
            "hx-include": "#id_find",
        }

    def clean_new_words(self) -> str:
        text = " ".join(str(self.cleaned_data["new_words"]).split())
        if fault := markup_fault(text):
            raise forms.ValidationError(fault)
        return text

    def clean(self) -> dict[str, Any]:
        data = super().clean()
        has_default = bool(data.get("default_cta") or data.get("new_words"))
        if not has_default and not {"default_cta", "new_words"} & set(self.errors):
            text = _("Choose what stands there now, or write down its words.")
            self.add_error("default_cta", text)
        if data.get("new_words") and data.get("site", self.chosen) and not self.errors:
            for fault in faults_of_words(**self._words()):
                self.add_error("new_words", fault)
        return data

    def _words(self) -> dict[str, Any]:
        """Return the words that were written, for which site, and in whose look."""
        data = self.cleaned_data
        site, like = data.get("site", self.chosen), data.get("default_cta")
        return {"site": site, "text": data["new_words"], "like": like}

    def _post_clean(self) -> None:
        """Leave a stored slot with a default, which is drawn beside its faults."""
        stored = self.instance.default_cta if self.instance.default_cta_id else None
        super()._post_clean()  # type: ignore[misc]  # missing in the stubs
        if stored is not None and self.instance.default_cta_id is None:
            self.instance.default_cta = stored

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002
        """Make the CTA of the words that were written, as a part of the same save."""
        if self.cleaned_data.get("new_words"):
            by = Author(now=timezone.now(), person=self.person)
            self.instance.default_cta = cta_of_words(**self._words(), by=by)
        return super().save(commit=commit)


def _uses(request: HttpRequest, slot: Slot) -> list[Uses]:
    cta = Use(text=slot.default_cta.name, url=studio_url(slot.default_cta))
    return [
        Uses(
            title=gettext("What it shows to everybody who takes part in no experiment"), rows=[cta]
        ),
        tests_with("slot", slot),
    ]


def _initial(request: HttpRequest) -> dict[str, Any]:
    text = request.GET.get(FIND, "").strip()
    return {FIND: text} if text else {}


SLOT = Task(
    form=SlotPageForm,
    new_title=_("New slot"),
    intro=_(
        "A slot is a place on your pages whose button or link the service fills. It outlives its"
        " tests: one code on the page, many tests one after the other."
    ),
    questions=(
        Question(
            title=_("Which place is it?"),
            fields=("site", "name", "position", "page_pattern"),
            term="slot",
            explains=_("What is a slot?"),
        ),
        Question(
            title=_("What do visitors see there today?"),
            fields=("default_cta", "new_words"),
            term="cta",
            explains=_("What is a CTA?"),
        ),
        Question(
            title=_("How does the page name it?"),
            fields=("embed_code",),
            note=_("Put this code where the button or link stands."),
            is_of_stored=True,
        ),
        Question(
            title=_("Does it work?"),
            fields=("check_of_set_up", "live_tests"),
            is_of_stored=True,
        ),
        Question(title=_("Details"), fields=("key",), is_folded=True),
    ),
    uses=_uses,
    typed_only=frozenset({"new_words"}),
    initial=_initial,
)
