"""Pages of server keys: a new one is shown once, then it can be rotated and revoked."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.cache import add_never_cache_headers
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from experiments.admin.access.key_forms import RevokeForm, RotateServerKeyForm, ServerKeyForm
from experiments.admin.access.warnings import warn_of_ending_keys
from experiments.admin.base import ServedModelAdmin
from experiments.models import ServerKey
from experiments.services.catalogue.access_log import Actor
from experiments.services.catalogue.server_keys import (
    CannotRotateError,
    create_server_key,
    fault_of,
    record_deletion,
    revoke_server_key,
    rotate_server_key,
)

STATES = {"": _("valid"), "revoked": _("revoked"), "expired": _("expired")}


@admin.register(ServerKey)
class ServerKeyAdmin(ServedModelAdmin[ServerKey]):
    """A key is shown once, on the answer to its making; it is never in a cookie or a session."""

    form = ServerKeyForm
    list_display = (
        *("name", "site_access", "prefix", "scope_names", "state", "expires_at"),
        *("last_used_at", "actions_on_it"),
    )
    list_filter = ("site",)
    list_select_related = ("site", "successor")
    actions = ("revoke",)
    shown = (
        *("site", "name", "prefix", "scope_names", "state", "created_at", "created_by"),
        *("expires_at", "last_used_at", "successor", "revoked_at", "revocation_reason"),
    )

    def has_change_permission(self, request: HttpRequest, obj: ServerKey | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: ServerKey | None = None) -> tuple[str, ...]:
        return self.shown if obj else ("site", "name", "scopes", "days")

    def get_readonly_fields(
        self, request: HttpRequest, obj: ServerKey | None = None
    ) -> tuple[str, ...]:
        return self.shown if obj else ()

    def get_urls(self) -> list[URLPattern]:
        views = {"rotate": self.rotate_view, "revoke": self.revoke_view}
        own = [
            path(
                f"<int:pk>/{name}/",
                self.admin_site.admin_view(view),
                name=f"experiments_serverkey_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if request.method == "GET":
            warn_of_ending_keys(request)
        response: HttpResponse = super().changelist_view(request, *args, **kwargs)
        return response

    @admin.display(description=_("site"), ordering="site")
    def site_access(self, key: ServerKey) -> SafeString:
        url = reverse("admin:experiments_site_access", args=[key.site_id])
        return format_html('<a href="{}">{}</a>', url, key.site)

    @admin.display(description=_("scopes"))
    def scope_names(self, key: ServerKey) -> str:
        """Return the first words of what is allowed: a list has no room for more."""
        labels = (str(ServerKey.Scope(scope).label) for scope in key.scopes)
        return ", ".join(label.partition(":")[0].strip() for label in labels)

    @admin.display(description=_("state"))
    def state(self, key: ServerKey) -> str:
        return str(STATES[fault_of(key, now=timezone.now())])

    @admin.display(description=_("steps"))
    def actions_on_it(self, key: ServerKey) -> SafeString | str:
        if fault_of(key, now=timezone.now()):
            return "-"
        links = {"revoke": gettext("Revoke")}
        if key.successor is None:
            links = {"rotate": gettext("Rotate"), **links}
        urls = {
            name: reverse(f"admin:experiments_serverkey_{name}", args=[key.pk]) for name in links
        }
        one = '<a href="{}">{}</a>'
        parts = [format_html(one, urls[name], label) for name, label in links.items()]
        return format_html(" · ".join(["{}"] * len(parts)), *parts)

    def save_model(self, request: HttpRequest, obj: ServerKey, form: Any, *_: Any) -> None:
        now = timezone.now()
        row, secret = create_server_key(
            site=obj.site,
            name=obj.name,
            now=now,
            grant=form.grant(now),
            by=Actor(author=request.user),
        )
        obj.__dict__.update(vars(row))
        # For the page that answers this very request.
        obj.secret = secret  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: ServerKey, post_url_continue: str | None = None
    ) -> HttpResponse:
        return self._shown_once(request, obj, obj.secret)  # type: ignore[attr-defined]

    def rotate_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the overlap, make the successor and show its secret."""
        key = self._found(request, pk, "add")
        form = RotateServerKeyForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            now = timezone.now()
            overlap, end = form.overlap_and_end(now)
            try:
                new, secret = rotate_server_key(
                    key=key, overlap=overlap, now=now, expires_at=end, by=Actor(author=request.user)
                )
            except CannotRotateError:
                form.add_error(None, gettext("This key is not valid, or has a successor already."))
            else:
                return self._shown_once(request, new, secret)
        return self._asked(request, "rotate_server_key", {"key": key, "form": form})

    def revoke_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the reason and revoke the key."""
        key = self._found(request, pk, "delete")
        form = RevokeForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            self._revoke(request, [key], form)
            return HttpResponseRedirect(reverse("admin:experiments_serverkey_changelist"))
        return self._asked(request, "revoke_server_key", {"keys": [key], "form": form})

    @admin.action(description=_("Revoke the selected keys"), permissions=["delete"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[ServerKey]) -> HttpResponse | None:
        self.refuse_unless_all(request, "delete", queryset)
        form = RevokeForm(request.POST if "reason" in request.POST else None)
        if form.is_valid():
            self._revoke(request, list(queryset), form)
            return None
        return self._asked(
            request, "revoke_server_key", {"keys": list(queryset), "form": form, "action": "revoke"}
        )

    def delete_model(self, request: HttpRequest, obj: ServerKey) -> None:
        record_deletion(key=obj, now=timezone.now(), by=Actor(author=request.user))
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ServerKey]) -> None:
        self.refuse_unless_all(request, "delete", queryset)
        for key in queryset:
            record_deletion(key=key, now=timezone.now(), by=Actor(author=request.user))
        super().delete_queryset(request, queryset)

    def _found(self, request: HttpRequest, pk: int, verb: str) -> ServerKey:
        key = self.get_object(request, str(pk))
        self.refuse_unless_all(request, verb, ServerKey.objects.filter(pk=key.pk))
        return key

    def _revoke(self, request: HttpRequest, keys: list[ServerKey], form: RevokeForm) -> None:
        by, reason = Actor(author=request.user), form.cleaned_data["reason"]
        now = timezone.now()
        revoked = sum(revoke_server_key(key=key, now=now, reason=reason, by=by) for key in keys)
        text = gettext("Keys revoked: %(count)s.") % {"count": revoked}
        self.message_user(request, text, messages.SUCCESS)

    def _asked(self, request: HttpRequest, template: str, content: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.opts}
        return render(request, f"admin/experiments/{template}.html", {**shared, **content})

    def _shown_once(self, request: HttpRequest, key: ServerKey, secret: str) -> HttpResponse:
        response = self._asked(request, "server_key_secret", {"key": key, "secret": secret})
        add_never_cache_headers(response)
        return response
