"""The log of log-ins, to read. No role is named for it, so that only superusers come here."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import LogInRecord

# allauth's own pages let secrets be read and second factors be edited.
for model in (Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, UserSession):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(LogInRecord)
class LogInRecordAdmin(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    list_display = ("at", "kind", "user", "method", "address")
    list_filter = ("kind", "at")
    # A page of a list stays below 100 kB.
    list_per_page = 50
    list_select_related = ("user",)
    search_fields = ("user__username", "address")
    date_hierarchy = "at"

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: LogInRecord | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LogInRecord | None = None) -> bool:
        return False
