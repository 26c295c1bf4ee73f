"""Base of the routes that create, change and remove rows of the catalogue."""

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework.mixins import ListModelMixin, RetrieveModelMixin
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import Serializer
from rest_framework.viewsets import GenericViewSet

from experiments.api.v1.authentication import actor_of
from experiments.api.v1.management.preconditions import etag_of, is_conditional, refuse_if_changed
from experiments.services.catalogue.editing import AlreadyThereError, delete_row
from experiments.services.edits.edit_log import Author, Way, log_removal, logged

Row = TypeVar("Row", bound=Model)
View = TypeVar("View", bound="EditedRowsViewSet[Any]")
Values = dict[str, Any]


class EditedRowsViewSet(ListModelMixin, RetrieveModelMixin, GenericViewSet[Row]):
    """Rows that are read, created, changed in part, and removed.

    `serializer_class` shows a row; `body` is the shape of requests. A subclass makes a row for a
    body (`made`), finds one that stands in its way (`same`), and changes and stores it (`stored`).
    """

    body: ClassVar[type[Serializer[Any]]]
    # As summaries say it: "an audience".
    noun: ClassVar[str]

    def made(self, request: Request, values: Values) -> Row:
        """Return a new row of the site that the body names, without its other values."""
        raise NotImplementedError

    def same(self, row: Row, values: Values) -> Row | None:
        """Return the row that has the key or name of a new one."""
        raise NotImplementedError

    def stored(self, row: Row, values: Values) -> None:
        """Change a row to the values of a body, and store it with its dependent rows."""
        raise NotImplementedError

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Return one, with its ETag."""
        return self.answer(self.get_object())

    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Create one; 409 with what exists if its key or name is taken."""
        values = self.asked(request)
        with transaction.atomic():
            row = self.made(request, values)
            self.refuse_if_there(row, values)
            with logged(row, author_of(request)):
                self.stored(row, values)
        answer = self.answer(self.again(row), status=201)
        answer.headers["Location"] = self.address_of(row)
        return answer

    def partial_update(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Change what the body names; 412 if If-Match names another state."""
        row = self.get_object()
        values = self.asked(request, row)
        with transaction.atomic():
            row = self.locked(request, row)
            with logged(row, author_of(request)):
                self.stored(row, values)
        return self.answer(self.again(row))

    def destroy(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Remove one; 409 if something rests on it."""
        with transaction.atomic():
            row = self.locked(request, self.get_object())
            log_removal(row, by=author_of(request))
            delete_row(row)
        return Response(status=204)

    def answer(self, row: Row, *, status: int = 200) -> Response:
        """Return the answer that shows a row."""
        shown = self.get_serializer(row).data
        return Response(shown, status=status, headers={"ETag": etag_of(shown)})

    def again(self, row: Row) -> Row:
        """Return the row as it is stored now, with all that is shown of it."""
        return self.get_queryset().get(pk=row.pk)

    def asked(self, request: Request, row: Row | None = None) -> Values:
        """Return the values of a request's body: of a change, only those that it names."""
        form = type(self).body(row, data=request.data, partial=row is not None)
        form.is_valid(raise_exception=True)
        return dict(form.validated_data)

    def locked(self, request: Request, row: Row) -> Row:
        """Lock a row, and refuse if it is not in the state that the caller names."""
        model: Any = type(row)
        model.objects.select_for_update(no_key=True).get(pk=row.pk)
        row = self.again(row)
        refuse_if_changed(request, self.get_serializer(row).data)
        return row

    def refuse_if_there(self, row: Row, values: Values) -> None:
        found = self.same(row, values)
        if found is None:
            return
        visible = self.get_queryset().filter(pk=found.pk).first()
        raise AlreadyThereError(None if visible is None else self.get_serializer(visible).data)

    def address_of(self, row: Row) -> str:
        name = self.lookup_field
        return reverse(f"{self.basename}-detail", args=[getattr(row, name)], request=self.request)


def author_of(request: Request, **further: Any) -> Author:
    """Return who asks, for the log of edits."""
    actor = actor_of(request)
    values = {"way": Way.API, "person": actor.author, "server_key": actor.server_key}
    return Author(now=timezone.now(), **values | further)


def documented(view: type[View]) -> type[View]:
    """Name in the OpenAPI document the bodies of a class of routes, and what they do."""
    noun, shown, body = view.noun, view.serializer_class, view.body
    told = {
        "retrieve": extend_schema(description=f"Return {noun}, with its ETag."),
        "create": extend_schema(
            description=f"Create {noun}; 409 with what exists if its key or name is taken.",
            request=body,
            responses={201: shown},
        ),
        "partial_update": extend_schema(
            description=f"Change {noun} where the body says so; 412 if it has changed meanwhile.",
            request=body,
            responses=shown,
        ),
        "destroy": extend_schema(description=f"Remove {noun}; 409 if something rests on it."),
    }
    return extend_schema_view(**told)(view)


def conditionally(view: Any, request: Request, act: Callable[[], Response]) -> Response:
    """Take a step of an experiment, in one transaction with the comparison of its state."""
    if not is_conditional(request):
        return act()
    with transaction.atomic():
        row = view.get_object()
        type(row).objects.select_for_update(no_key=True).get(pk=row.pk)
        refuse_if_changed(request, view.get_serializer(view.get_object()).data)
        return act()
