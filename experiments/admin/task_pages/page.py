"""Pages made for one task each, on the checks, the history and the lock of the model's own form.

A kind of row has a page in plain questions in place of the raw form, which is behind it: what
most people need on top, the rest folded, and below it who uses the row.
"""

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar
from uuid import uuid4

from django.contrib import messages
from django.contrib.admin.models import ADDITION, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import ForeignKey, Model
from django.forms import Media, ModelForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from unfold.views import ChangeList

from experiments.admin.experiment_pages import url_of
from experiments.admin.task_pages.fields import make_plain
from experiments.models import Experiment
from experiments.services.catalogue.editing import lock_reason

TEMPLATE = "admin/experiments/task_pages/page.html"
OPTIONS = "admin/experiments/task_pages/options.html"
# Hidden field of a new row's form: which form it is, however often it is sent.
FORM_FIELD = "_form"
LENGTH_OF_NAME = 36
SHOWN_USES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A part of a page: what it asks, in which fields; `term` is a key of the glossary.

    `explains` is the question that the glossary answers there.
    """

    title: Any
    fields: tuple[str, ...]
    note: Any = ""
    term: str = ""
    explains: Any = ""
    is_folded: bool = False
    # Of a row that is there only.
    is_of_stored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A row that uses the one of the page, or a page that belongs to it."""

    text: str
    url: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Uses:
    """Uses of one kind under a heading; `more` is the address of a list of all."""

    title: str
    rows: list[Use]
    more: str = ""


def no_uses(request: HttpRequest, row: Any) -> list[Uses]:
    """Return nothing: for rows that nothing rests on."""
    return []


def tests_with(field_name: str, row: Any) -> Uses:
    """Return the newest experiments that name a row in a field, and where all of them are."""
    tests = list(row.experiments.order_by("-pk")[: SHOWN_USES + 1])
    rows = [
        Use(text=one.name, url=url_of("report", one), note=one.get_status_display())
        for one in tests[:SHOWN_USES]
    ]
    url = f"{reverse(page_name(Experiment, 'changelist'))}?{field_name}__id__exact={row.pk}"
    more = url if len(tests) > SHOWN_USES else ""
    return Uses(title=_("Its experiments"), rows=rows, more=more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Page of one kind of row."""

    form: type[ModelForm[Any]]
    new_title: Any
    intro: Any
    questions: tuple[Question, ...]
    uses: Callable[[HttpRequest, Any], list[Uses]] = no_uses
    # Fields that are there to be typed into only.
    typed_only: frozenset[str] = frozenset()
    # With what a new row begins, as a browser would ask for it.
    initial: Callable[[HttpRequest], Mapping[str, Any]] = field(default=lambda request: {})


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A question with its fields, as the template draws them."""

    question: Question
    fields: list[Any]
    is_open: bool


def page_name(model: type[Model], page: str) -> str:
    return f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}"


def settings_url(row: Model) -> str:
    """Return the page of a row."""
    return reverse(page_name(type(row), "settings"), args=[row.pk])


def compose_url(model: type[Model]) -> str:
    """Return the page on which a row is made."""
    return reverse(page_name(model, "compose"))


class TaskList(ChangeList):  # type: ignore[misc]
    """A list whose rows open on their own page; the raw form is behind it."""

    def url_for_result(self, result: Any) -> str:
        return settings_url(result)


class WithTaskPage:
    """For the admin of a kind of row: lists, histories and buttons lead to the page of its task."""

    task: ClassVar[Task]
    model: type[Model]
    admin_site: Any
    add_page: str

    def __init__(self, model: type[Model], admin_site: Any) -> None:
        super().__init__(model, admin_site)  # type: ignore[call-arg]  # The admin of a model.
        self.add_page = page_name(model, "compose")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        prefix = f"{self.model._meta.app_label}_{self.model._meta.model_name}"
        own = [
            path("compose/", wrap(self._compose), name=f"{prefix}_compose"),
            path("<int:pk>/settings/", wrap(self._settings), name=f"{prefix}_settings"),
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def page_of(self, row: Any) -> str:
        return settings_url(row)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return TaskList

    def _compose(self, request: HttpRequest) -> HttpResponse:
        response: HttpResponse = self._page().add_view(request)
        return response

    def _settings(self, request: HttpRequest, pk: int) -> HttpResponse:
        response: HttpResponse = self._page().change_view(request, str(pk))
        return response

    def _page(self) -> Any:
        """Return the same admin with the page's form, fields and answers."""
        kind = type(f"{self.model.__name__}Page", (TaskPage, type(self)), {})
        return kind(self.model, self.admin_site)


class TaskPage:
    """One request to a page: the raw form's checks and history with the questions of the task."""

    change_form_template = add_form_template = TEMPLATE
    prepopulated_fields: ClassVar[dict[str, Any]] = {}
    autocomplete_fields = ()
    task: Task
    model: type[Model]

    @property
    def form(self) -> type[ModelForm[Any]]:
        return self.task.form

    @property
    def media(self) -> Media:
        """No scripts of the theme's fields: there are none of them."""
        return Media()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        return {}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        asked = self._questions(request, obj)
        return [(str(one.title), {"fields": fields}) for one, fields in asked]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [name for _one, fields in self._questions(request, obj) for name in fields]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        given: dict[str, Any] = super().get_changeform_initial_data(request)  # type: ignore[misc]
        return {**self.task.initial(request), **given}

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)  # type: ignore[misc]
        form.person = request.user
        form.page_url = settings_url(obj) if obj else compose_url(self.model)
        for name, one in form.base_fields.items():
            # A field that the form itself declares is one object for the whole process.
            form.base_fields[name] = make_plain(deepcopy(one))
        return form

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Return the model's own field: no widget of the theme, no script."""
        if isinstance(db_field, ForeignKey):
            rows = self.get_field_queryset(None, db_field, request)  # type: ignore[attr-defined]
            everything = db_field.remote_field.model._default_manager.all()
            kwargs["queryset"] = everything if rows is None else rows
        return db_field.formfield(**kwargs)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        view = super().changeform_view  # type: ignore[misc]
        if request.GET.get("part"):
            return self._options(request, object_id)
        if object_id is not None or request.method != "POST":
            response: HttpResponse = view(request, object_id, form_url, extra_context)
            return response
        with transaction.atomic():
            # The second click of two waits here, and then finds what the first has made.
            User.objects.select_for_update(no_key=True).get(username=request.user.get_username())
            made = self._made(request)
            if made is not None:
                return HttpResponseRedirect(settings_url(made))
            answer: HttpResponse = view(request, object_id, form_url, extra_context)
            return answer

    def construct_change_message(
        self,
        request: HttpRequest,
        form: Any,
        formsets: Any,
        add: bool = False,  # noqa: FBT001, FBT002
    ) -> Any:
        """Keep in the log of the admin which form has made the row."""
        message = super().construct_change_message(request, form, formsets, add)  # type: ignore[misc]
        return [*message, {"form": _form_of(request)}] if add and _form_of(request) else message

    def response_add(self, request: HttpRequest, obj: Any, *args: Any, **kwargs: Any) -> Any:
        return self._saved(request, obj)

    def response_change(self, request: HttpRequest, obj: Any) -> Any:
        return self._saved(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        row = kwargs.get("obj")
        model = self.model._meta.model_name
        raw = page_name(self.model, "change" if row else "add")
        may_save = row is None or self.has_change_permission(request, row)  # type: ignore[attr-defined]
        context |= {
            "title": row.name if row else self.task.new_title,
            "task": self.task,
            "row": row,
            "blocks": self._blocks(request, row, context["adminform"]),
            "may_save": may_save,
            "lock": lock_reason(row) if row else "",
            "form_name": request.POST.get(FORM_FIELD) or str(uuid4()),
            "page_url": settings_url(row) if row else compose_url(self.model),
            "advanced_url": reverse(raw, args=[row.pk] if row else []),
            "history_url": reverse(page_name(self.model, "history"), args=[row.pk]) if row else "",
            "uses": self.task.uses(request, _as_stored(request, row)) if row else [],
            "model_name": model,
        }
        response: HttpResponse = super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
        return response

    def _questions(self, request: HttpRequest, row: Any) -> list[tuple[Question, list[str]]]:
        may_save = row is None or self.has_change_permission(request, row)  # type: ignore[attr-defined]
        # What is worked out of a row is not there before it.
        hidden = set(self.readonly_fields) if row is None else set()  # type: ignore[attr-defined]
        if not may_save:
            hidden |= self.task.typed_only
        asked = [one for one in self.task.questions if row is not None or not one.is_of_stored]
        return [(one, [name for name in one.fields if name not in hidden]) for one in asked]

    def _blocks(self, request: HttpRequest, row: Any, adminform: Any) -> list[Block]:
        asked = [question for question, _fields in self._questions(request, row)]
        blocks = []
        for question, fieldset in zip(asked, adminform, strict=True):
            shown = [one for line in fieldset for one in line]
            names = set(question.fields)
            is_wrong = bool(names & set(adminform.form.errors))
            blocks.append(Block(question=question, fields=shown, is_open=is_wrong))
        return blocks

    def _options(self, request: HttpRequest, object_id: str | None) -> HttpResponse:
        """Return the choices of one field, for what is chosen in another by now."""
        row = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        verb = "change" if row else "add"
        if not self.may(request, verb, row):  # type: ignore[attr-defined]
            raise PermissionDenied
        form = self.get_form(request, row, change=row is not None)(
            instance=row, initial=request.GET.dict()
        )
        name = request.GET["part"]
        if name not in form.fields:
            return HttpResponse(status=404)
        return render(request, OPTIONS, {"field": form[name]})

    def _made(self, request: HttpRequest) -> Model | None:
        """Return the row that this very form has made already."""
        if not (name := _form_of(request)):
            return None
        lines = LogEntry.objects.filter(
            user=request.user.pk,
            content_type=ContentType.objects.get_for_model(self.model),
            action_flag=ADDITION,
            change_message__contains=f'"{name}"',
        )
        keys = [key for key in lines.values_list("object_id", flat=True)[:1] if key]
        return self.model._default_manager.filter(pk__in=keys).first()

    def _saved(self, request: HttpRequest, row: Any) -> HttpResponse:
        messages.success(request, _("“%(name)s” is saved.") % {"name": row.name})
        return HttpResponseRedirect(settings_url(row))


def _as_stored(request: HttpRequest, row: Any) -> Any:
    """Return a row without what a form that was refused has put into it."""
    return type(row)._default_manager.get(pk=row.pk) if request.method == "POST" else row


def _form_of(request: HttpRequest) -> str:
    """Return the name of the posted form; empty if it is none of ours."""
    text = request.POST.get(FORM_FIELD, "")
    is_ours = len(text) == LENGTH_OF_NAME and text.replace("-", "").isalnum() and text.isascii()
    return text if is_ours else ""
