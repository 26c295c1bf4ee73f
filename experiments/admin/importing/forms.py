"""Forms of imports: the file to upload, and the roles of its columns."""

from typing import Any, cast

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.db.models import QuerySet
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.models import CTA, Site
from experiments.models.validators import destination_validator, locale_validator
from experiments.services.importing.previews import Preview
from experiments.services.importing.uploads import most_bytes
from experiments.targeting.languages import spelled

MOST_PASTED = 1_000_000
ENCODINGS = (
    ("", _("Told from the file")),
    ("utf-8", "UTF-8"),
    ("cp1252", "Windows-1252"),
    ("utf-16", "UTF-16"),
    ("mac_roman", "Mac Roman"),
    ("cp850", "DOS 850"),
)


class TableFileForm(forms.Form):
    """A form with a field `file` for a table, as large as an upload may be."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        size = filesizeformat(most_bytes())
        file = self.fields["file"]
        file.help_text = gettext("CSV, plain or gzipped, or XLSX; at most %(size)s.") % {
            "size": size
        }
        too_large = gettext("The file is larger than %(size)s.") % {"size": size}
        file.widget.attrs |= {"data-most-bytes": most_bytes(), "data-too-large": too_large}

    def clean_file(self) -> Any:
        file = cast("UploadedFile[Any] | None", self.cleaned_data["file"])
        if file and (file.size or 0) > most_bytes():
            size = filesizeformat(most_bytes())
            raise forms.ValidationError(_("The file is larger than %(size)s.") % {"size": size})
        return file


class UploadForm(TableFileForm):
    """The file of an import, for one of the sites on which the person may import."""

    site = forms.ModelChoiceField(label=_("Site"), queryset=Site.objects.none())
    file = forms.FileField(label=_("File"), required=False)

    # Values that the import is done with.
    option_names: tuple[str, ...] = ()

    def __init__(self, *args: Any, sites: QuerySet[Site]) -> None:
        super().__init__(*args)
        field = cast("forms.ModelChoiceField[Site]", self.fields["site"])
        field.queryset = sites
        if sites.count() == 1:
            field.initial = sites.first()

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if "file" in data and not data["file"] and not (data.get("text") or "").strip():
            raise forms.ValidationError(self.nothing_given())
        return data

    def nothing_given(self) -> str:
        """Return the sentence about a form without anything to import."""
        return gettext("Choose a file.")

    def options(self) -> dict[str, Any]:
        """Return the options of the import."""
        return {name: self.cleaned_data[name] for name in self.option_names}


class PastTestsForm(UploadForm):
    format = forms.ChoiceField(
        label=_("Columns"),
        choices=(
            ("ctaopt", _("One row per wording of a test")),
            ("upworthy", _("As in the Upworthy Research Archive")),
        ),
    )
    option_names = ("format",)


class EventsForm(UploadForm):
    """The file of an import of events, without further options."""


class WordingsForm(UploadForm):
    text = forms.CharField(
        label=_("Or paste them"),
        required=False,
        strip=False,
        max_length=MOST_PASTED,
        widget=forms.Textarea(attrs={"rows": 8}),
        help_text=_("One wording per line, or a table with languages as columns: fr, en, pt-BR."),
    )
    locale = forms.CharField(
        label=_("Language of lines without columns"),
        required=False,
        max_length=35,
        validators=[locale_validator],
        help_text=_("Empty: the language of the site."),
    )
    form = forms.ChoiceField(
        label=_("Form of new CTAs"),
        choices=CTA.Form.choices,
        help_text=_("Where the table does not say."),
    )
    destination = forms.CharField(
        label=_("Destination of new CTAs"),
        required=False,
        max_length=2_000,
        validators=[destination_validator],
        help_text=_("Where the table does not say."),
    )
    field_order = ("site", "file", "text")
    option_names = ("form", "destination")

    def clean_locale(self) -> str:
        return spelled(self.cleaned_data["locale"])

    def nothing_given(self) -> str:
        return gettext("Choose a file or paste wordings.")


class RolesForm(forms.Form):
    """The role of each column of a file, and its encoding where it is a text."""

    encoding = forms.ChoiceField(label=_("Encoding"), choices=ENCODINGS, required=False)

    def __init__(self, *args: Any, preview: Preview, encoding: str = "") -> None:
        super().__init__(*args)
        self.preview = preview
        self.fields["encoding"].initial = encoding
        if preview.table.reading.kind == "workbook":
            del self.fields["encoding"]
        roles = [("", _("Not imported")), *((role.key, role.label) for role in preview.roles)]
        for at, (name, role) in enumerate(zip(preview.table.columns, preview.chosen, strict=True)):
            self.fields[f"column-{at}"] = forms.ChoiceField(
                label=name or f"({at + 1})", choices=roles, initial=role, required=False
            )

    def columns(self) -> list[forms.BoundField]:
        """Return the fields of the columns, in order."""
        return [self[f"column-{at}"] for at in range(len(self.preview.chosen))]

    def options(self) -> dict[str, Any]:
        """Return the options of the import that were chosen here."""
        data = self.cleaned_data
        roles = [data[f"column-{at}"] for at in range(len(self.preview.chosen))]
        return {
            "header": list(self.preview.table.columns),
            "roles": roles,
            "encoding": data.get("encoding", ""),
        }
