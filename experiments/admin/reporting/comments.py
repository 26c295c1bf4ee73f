"""Comments, tags and the responsible person on the page of a report, and what posts to them."""

from functools import partial
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from experiments.admin.editing.edit_history import author_of
from experiments.admin.editing.form_values import posted_key
from experiments.admin.experiment_pages import PREFIX, readable_experiment, url_of
from experiments.admin.reporting.refused_forms import keep_refused, refused_form
from experiments.models import Comment, Experiment
from experiments.selectors.permissions import COMMENT, may, people_with
from experiments.services.catalogue.editing import CannotSaveError
from experiments.services.drafting.cta_saving import tag_names
from experiments.services.edits.object_history import who_did
from experiments.services.exploration.comments import (
    LONGEST_TEXT,
    add_comment,
    is_own,
    remove_comment,
)
from experiments.services.exploration.labels import VIEW, set_labels

CHANGE = "experiments.change_experiment"


class CommentForm(forms.Form):
    """A comment of some lines."""

    text = forms.CharField(
        label=gettext_lazy("Your comment"),
        max_length=LONGEST_TEXT,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, data: Any = None) -> None:
        super().__init__(data, auto_id="comment-%s")


class LabelForm(forms.Form):
    """Tags with commas between them, and somebody of the site."""

    tags = forms.CharField(
        label=gettext_lazy("Tags"),
        required=False,
        help_text=gettext_lazy("With commas between them."),
    )
    owner = forms.ModelChoiceField(
        label=gettext_lazy("Responsible"), queryset=User.objects.none(), required=False
    )

    def __init__(self, data: Any = None, *, experiment: Experiment) -> None:
        tags = ", ".join(tag.name for tag in experiment.tags.all())
        initial = {"tags": tags, "owner": experiment.owner_id}
        super().__init__(data, initial=initial, auto_id="label_%s")
        field: Any = self.fields["owner"]
        field.queryset = people_with(VIEW, experiment.slot.site)


def comment_urls(admin_site: AdminSite) -> list[URLPattern]:
    def comments(request: HttpRequest, pk: int) -> HttpResponse:
        return _comment(request, _posted(request, pk, COMMENT))

    def labels(request: HttpRequest, pk: int) -> HttpResponse:
        return _label(request, _posted(request, pk, CHANGE))

    views = {"comments": comments, "labels": labels}
    return [
        path(f"<int:pk>/{name}/", admin_site.admin_view(view), name=f"{PREFIX}_{name}")
        for name, view in views.items()
    ]


def comment_context(request: HttpRequest, experiment: Experiment) -> dict[str, Any]:
    """Return the comments, and the forms for who may write or label."""
    by = author_of(request)
    rows = experiment.comments.select_related("author")
    found: dict[str, Any] = {
        "comments": [(one, who_did(one.author, one.server_key), is_own(one, by)) for one in rows]
    }
    if may(request.user, COMMENT, experiment):
        found["comments_url"] = url_of("comments", experiment)
        form = refused_form(request, experiment, "comment", CommentForm)
        found["comment_form"] = form or CommentForm()
    if may(request.user, CHANGE, experiment):
        found["labels_url"] = url_of("labels", experiment)
        make = partial(LabelForm, experiment=experiment)
        found["label_form"] = refused_form(request, experiment, "labels", make) or make()
    return found


def _posted(request: HttpRequest, pk: int, needed: str) -> Experiment:
    """Return the experiment that is posted to, for who has the permission."""
    experiment = readable_experiment(request, pk)
    if request.method != "POST" or not may(request.user, needed, experiment):
        raise PermissionDenied
    return experiment


def _comment(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    by, number = author_of(request), request.POST.get("remove", "")
    if number:
        row = get_object_or_404(Comment, experiment=experiment, pk=posted_key(number))
        if not remove_comment(comment=row, by=by):
            raise PermissionDenied
        messages.success(request, _("The comment is removed."))
    else:
        try:
            add_comment(experiment=experiment, text=request.POST.get("text", ""), by=by)
        except CannotSaveError as error:
            keep_refused(request, experiment, "comment", error.errors)
    return HttpResponseRedirect(f"{url_of('report', experiment)}#comments")


def _label(request: HttpRequest, experiment: Experiment) -> HttpResponse:
    form = LabelForm(request.POST, experiment=experiment)
    if not form.is_valid():
        raise Http404
    tags = tag_names(form.cleaned_data["tags"])
    owner = form.cleaned_data["owner"]
    try:
        set_labels(experiment=experiment, tags=tags, owner=owner, by=author_of(request))
    except CannotSaveError as error:
        keep_refused(request, experiment, "labels", error.errors)
    return HttpResponseRedirect(f"{url_of('report', experiment)}#comments")
