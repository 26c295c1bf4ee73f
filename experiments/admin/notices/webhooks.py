"""Pages of webhooks, for the owners of a site: addresses, a test, and what arrived."""

from typing import Any, cast
from uuid import uuid4

from cryptography.fernet import InvalidToken
from django.contrib import admin, messages
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from experiments.admin.base import SiteRowsAdmin
from experiments.admin.task_pages.page import WithTaskPage, settings_url
from experiments.admin.task_pages.webhooks import TRAINED, WEBHOOK, WebhookForm
from experiments.models import Webhook
from experiments.selectors import notices as selectors
from experiments.selectors.permissions import VIEW_TRAINING, may
from experiments.services.notices.delivery import drop_trainings, retry_given_up, send_test
from experiments.services.notices.webhook_calls import (
    WebhookError,
    reason_in_words,
)
from experiments.services.notices.webhook_secrets import new_secret, secret_of

MOST_DELIVERIES = 20


@admin.register(Webhook)
class WebhookAdmin(WithTaskPage, SiteRowsAdmin[Webhook]):
    """Webhooks of a site; a person who may see one also sees its signing secret."""

    form = WebhookForm
    task = WEBHOOK
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

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, **kwargs)
        form.person = request.user
        return form

    @admin.display(description=_("state"))
    def state(self, webhook: Any) -> str:
        return gettext("gave up") if webhook.is_failing else gettext("in order")

    def save_model(self, request: HttpRequest, obj: Webhook, *args: Any) -> None:
        person = cast(User, request.user)
        if obj._state.adding:
            obj.encrypted_secret = new_secret()
            obj.created_at, obj.created_by = timezone.now(), person
        elif TRAINED in obj.kinds:
            _answer_for_trainings(request, obj, person)
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
        return HttpResponseRedirect(settings_url(webhook))

    def retry_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        webhook = self._changeable(request, pk)
        count = retry_given_up(webhook, now=timezone.now())
        text = ngettext(
            "%(count)s notice is sent again.", "%(count)s notices are sent again.", count
        )
        messages.success(request, text % {"count": count})
        return HttpResponseRedirect(settings_url(webhook))

    def renew_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        webhook = self._changeable(request, pk)
        webhook.encrypted_secret = new_secret()
        webhook.save(update_fields=["encrypted_secret"])
        messages.success(request, gettext("There is a new secret: put it into the receiver."))
        return HttpResponseRedirect(settings_url(webhook))

    def _changeable(self, request: HttpRequest, pk: int) -> Webhook:
        webhook: Webhook = get_object_or_404(self.get_queryset(request), pk=pk)
        if not self.has_change_permission(request, webhook):
            raise PermissionDenied
        return webhook


def _answer_for_trainings(request: HttpRequest, webhook: Webhook, person: User) -> None:
    """Keep notices of trainings to addresses that were chosen by those who may see them."""
    if may(person, VIEW_TRAINING):
        if not selectors.gets_trainings(webhook):
            webhook.created_by = person
            text = gettext("Trainings are told there as long as you have a role on every site.")
            messages.info(request, text)
    elif not Webhook.objects.filter(pk=webhook.pk, url=webhook.url).exists():
        webhook.kinds = [kind for kind in webhook.kinds if kind != TRAINED]
        drop_trainings(webhook)
        text = gettext(
            "Trainings are not told at the new address: somebody with a role on every site has to"
            " choose them again."
        )
        messages.warning(request, text)


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
