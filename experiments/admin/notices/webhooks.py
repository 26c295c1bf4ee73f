"""Pages of webhooks, for the owners of a site: addresses, a test, and what arrived."""

from typing import Any, ClassVar, cast
from uuid import uuid4

from cryptography.fernet import InvalidToken
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminTextInputWidget

from experiments.admin.base import SiteRowsAdmin
from experiments.models import Notice, Webhook
from experiments.selectors import notices as selectors
from experiments.services.notices.choices import ON_THE_PAGE
from experiments.services.notices.delivery import retry_given_up, send_test
from experiments.services.notices.webhook_calls import (
    WebhookError,
    checked_address,
    reason_in_words,
)
from experiments.services.notices.webhook_secrets import new_secret, secret_of

MOST_DELIVERIES = 20
# Trainings are of the whole installation, digests of one reader.
KINDS = tuple(kind for kind in ON_THE_PAGE if kind is not Notice.Kind.TRAINED)


class WebhookForm(forms.ModelForm[Webhook]):
    kinds = forms.MultipleChoiceField(
        label=_("Notices"),
        choices=[(kind.value, kind.label) for kind in KINDS],
        initial=[kind.value for kind in KINDS],
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = Webhook
        fields = ("site", "name", "url", "format", "language", "kinds", "is_active")
        widgets: ClassVar = {"url": UnfoldAdminTextInputWidget(attrs={"type": "url"})}

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


@admin.register(Webhook)
class WebhookAdmin(SiteRowsAdmin[Webhook]):
    """Webhooks of a site; a person who may see one also sees its signing secret."""

    form = WebhookForm
    list_display = ("name", "site", "format", "is_active", "state")
    list_filter = ("site", "format", "is_active")
    list_select_related = ("site",)
    search_fields = ("name",)
    change_form_outer_after_template = "admin/experiments/webhook_state.html"

    def get_urls(self) -> list[URLPattern]:
        views = {"test": self.test_view, "retry": self.retry_view, "renew": self.renew_view}
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"experiments_webhook_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        return super().get_queryset(request).annotate(is_failing=selectors.is_failing())

    @admin.display(description=_("state"))
    def state(self, webhook: Any) -> str:
        return gettext("gave up") if webhook.is_failing else gettext("in order")

    def save_model(self, request: HttpRequest, obj: Webhook, *args: Any) -> None:
        if obj._state.adding:
            obj.encrypted_secret = new_secret()
            obj.created_at, obj.created_by = timezone.now(), cast(User, request.user)
        super().save_model(request, obj, *args)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        context = extra_context or {}
        if object_id.isdecimal() and len(object_id) < 19:
            webhook = self.get_queryset(request).filter(pk=int(object_id)).first()
            context |= _state_of(webhook) if webhook else {}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def test_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        webhook = self._changeable(request, pk)
        try:
            status = send_test(webhook, str(uuid4()), now=timezone.now())
        except WebhookError as error:
            text = gettext("The test did not arrive. %(reason)s")
            messages.error(request, text % {"reason": reason_in_words(str(error))})
        except InvalidToken:
            messages.error(request, reason_in_words("secret:"))
        else:
            text = gettext("The test has arrived: the receiver answered %(status)s.")
            messages.success(request, text % {"status": status})
        return _back_to(pk)

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        count = retry_given_up(self._changeable(request, pk), now=timezone.now())
        text = ngettext(
            "%(count)s notice is sent again.", "%(count)s notices are sent again.", count
        )
        messages.success(request, text % {"count": count})
        return _back_to(pk)

    def renew_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        webhook = self._changeable(request, pk)
        webhook.encrypted_secret = new_secret()
        webhook.save(update_fields=["encrypted_secret"])
        messages.success(request, gettext("There is a new secret: put it into the receiver."))
        return _back_to(pk)

    def _changeable(self, request: HttpRequest, pk: int) -> Webhook:
        webhook: Webhook = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_change_permission(request, webhook):
            raise PermissionDenied
        return webhook


def _back_to(pk: int) -> HttpResponse:
    return HttpResponseRedirect(reverse("admin:experiments_webhook_change", args=[pk]))


def _state_of(webhook: Webhook) -> dict[str, Any]:
    """Return what the page shows below the form."""
    try:
        secret = secret_of(webhook)
    except InvalidToken:
        secret = ""
    rows = list(selectors.last_deliveries(webhook)[:MOST_DELIVERIES])
    given_up = webhook.deliveries.filter(state="given_up").count()
    return {
        "secret": secret,
        "deliveries": [(row, reason_in_words(row.error) if row.error else "") for row in rows],
        "given_up": given_up,
    }
