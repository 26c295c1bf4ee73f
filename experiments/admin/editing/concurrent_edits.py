"""Two people who edit one row at once: the second is shown both versions, merged by field.

A form carries the state that it was opened with. If the row has another state when it is saved,
nothing is stored: the form comes back with what was typed, with the other person's values in the
fields that were left alone, and with both versions of each field that the other person changed.
"""

from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _

from experiments.admin.editing.form_values import Values, in_words, labels_of, same, values_of

# The hidden field with the state; nothing stored.
OPENED = "_opened_state"
# In front of the name of a field: whose value is taken.
TAKE = "_take-"
# Without a time: the state of an open form does not age.
SIGNER = Signer(salt="experiments.admin.concurrent_edits")
TEMPLATE = "admin/experiments/both_versions.html"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A field that somebody else has changed; `is_contested`: it was typed into, too."""

    name: str
    label: str
    before: str
    theirs: str
    mine: str
    is_contested: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Another person's changes to a row, and its present state."""

    state: Values
    differences: list[Difference] = field(default_factory=list)


class ConcurrentEdits:
    """For pages of rows: saves only what was opened in its present state."""

    change_form_before_template = TEMPLATE
    # Asks before a form is left that was typed into.
    warn_unsaved_form = True

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        view = super().changeform_view  # type: ignore[misc]
        if object_id is None or request.method != "POST" or OPENED not in request.POST:
            response: HttpResponse = view(request, object_id, form_url, extra_context)
            return response
        with transaction.atomic():
            conflict = self._conflict(request, object_id)
            if conflict is not None:
                vars(request)["conflict"] = conflict
            response = view(request, object_id, form_url, extra_context)
            if hasattr(response, "render"):
                response.render()
            return response

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)  # type: ignore[misc]
        return _refusing(form) if "conflict" in vars(request) else form

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Put the state into the form: as it was opened, or as it is now if that was shown."""
        conflict: Conflict | None = vars(request).get("conflict")
        if conflict is not None:
            state = SIGNER.sign_object(conflict.state, compress=True)
            context |= {"opened_state": state, "differences": conflict.differences}
        elif OPENED in request.POST:
            context["opened_state"] = request.POST[OPENED]
        elif kwargs.get("change"):
            formsets = [one.formset for one in context["inline_admin_formsets"]]
            state_now = values_of(context["adminform"].form, formsets)
            context["opened_state"] = SIGNER.sign_object(state_now, compress=True)
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def _conflict(self, request: HttpRequest, object_id: str) -> Conflict | None:
        """Return what somebody else has changed; merge it into what was posted."""
        opened = _opened(request)
        form, formsets = self._as_stored(request, object_id)
        if opened is None or form is None:
            return None
        now = values_of(form, formsets)
        posted = request.POST.copy()
        _join(posted, form)
        _take(posted, now)
        moved = [name for name in {**opened, **now} if _has_moved(name, opened, now, posted)]
        rows_moved = {
            one.prefix for one in formsets if _rows(one) != _sent_rows(posted, one.prefix)
        }
        if not moved and not rows_moved:
            request.POST = posted  # type: ignore[assignment]
            return None
        differences = _differences(form, formsets, moved, (opened, now, posted))
        for name in moved:
            is_untouched = same(posted.getlist(name), opened.get(name, []))
            if is_untouched or name.rpartition("-")[0].rpartition("-")[0] in rows_moved:
                posted.setlist(name, now.get(name, []))
        for one in formsets:
            if one.prefix in rows_moved:
                _put_rows(posted, one, now)
        request.POST = posted  # type: ignore[assignment]
        return Conflict(state=now, differences=differences)

    def _as_stored(self, request: HttpRequest, object_id: str) -> tuple[Any, list[Any]]:
        """Return the forms of the row as it is stored now, which stays so until the end."""
        row = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if row is None or not self.has_change_permission(request, row):  # type: ignore[attr-defined]
            return None, []
        rows = type(row)._default_manager.select_for_update(no_key=True)
        stored = rows.get(pk=row.pk)
        form = self.get_form(request, stored, change=True)(instance=stored)
        formsets = []
        for factory, inline in self.get_formsets_with_inlines(request, stored):  # type: ignore[attr-defined]
            prefix = factory.get_default_prefix()
            queryset = inline.get_queryset(request)
            formsets.append(factory(instance=stored, prefix=prefix, queryset=queryset))
        return form, formsets


def _refusing(form: type[BaseForm]) -> type[BaseForm]:
    """Return the form with one fault more: what it saves would undo somebody's work."""

    class Refusing(form):  # type: ignore[misc, valid-type]
        def clean(self) -> Any:
            super().clean()
            raise ValidationError(
                _("Somebody else has saved this meanwhile. Look at both versions, then save again.")
            )

    return Refusing


def _opened(request: HttpRequest) -> Values | None:
    try:
        found: Values = SIGNER.unsign_object(request.POST[OPENED])
    except BadSignature:
        return None
    return found


def _join(posted: QueryDict, form: BaseForm) -> None:
    """Put together what a field sends in parts: it is compared, and taken, as a whole."""
    for one in form:
        join = getattr(one.field.widget, "joined", None)
        text = join(posted, one.html_name) if join else None
        if text is not None:
            posted[one.html_name] = text


def _take(posted: QueryDict, now: Values) -> None:
    """Put the other person's values where they were chosen."""
    for key in [key for key in posted if key.startswith(TAKE)]:
        name = key.removeprefix(TAKE)
        if posted[key] == "theirs" and name in now:
            posted.setlist(name, now[name])


def _has_moved(name: str, opened: Values, now: Values, posted: QueryDict) -> bool:
    theirs = now.get(name, [])
    return not same(opened.get(name, []), theirs) and not same(posted.getlist(name), theirs)


def _rows(formset: Any) -> list[str]:
    return [str(form.instance.pk) for form in formset.initial_forms]


def _sent_rows(posted: QueryDict, prefix: str) -> list[str]:
    count = posted.get(f"{prefix}-INITIAL_FORMS", "0")
    numbers = range(int(count)) if count.isdecimal() and len(count) < 5 else ()
    return [posted.get(f"{prefix}-{number}-id", "") for number in numbers]


def _put_rows(posted: QueryDict, formset: Any, now: Values) -> None:
    """Put the stored rows of an inline in the place of the posted ones."""
    prefix = formset.prefix
    for key in [key for key in posted if key.startswith(f"{prefix}-")]:
        del posted[key]
    count = len(formset.initial_forms)
    sizes = {"TOTAL": count, "INITIAL": count, "MIN_NUM": 0, "MAX_NUM": 1000}
    for name, size in sizes.items():
        posted[f"{prefix}-{name}_FORMS"] = str(size)
    for number, form in enumerate(formset.initial_forms):
        posted[f"{prefix}-{number}-id"] = str(form.instance.pk)
        posted[f"{prefix}-{number}-{formset.fk.name}"] = str(formset.instance.pk)
    for name, values in now.items():
        if name.startswith(f"{prefix}-"):
            posted.setlist(name, values)


def _differences(
    form: BaseForm, formsets: list[Any], moved: list[str], states: tuple[Values, Values, QueryDict]
) -> list[Difference]:
    opened, now, posted = states
    labels = labels_of(form, formsets)
    mine = {name: posted.getlist(name) for name in moved}
    texts = [
        {name: ", ".join(words) for name, words in in_words(form, formsets, state).items()}
        for state in (
            {n: opened.get(n, []) for n in moved},
            {n: now.get(n, []) for n in moved},
            mine,
        )
    ]
    return [
        Difference(
            name=name,
            label=labels.get(name, name),
            before=texts[0][name],
            theirs=texts[1][name],
            mine=texts[2][name],
            is_contested=not same(mine[name], opened.get(name, [])),
        )
        for name in moved
    ]
