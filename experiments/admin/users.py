"""People, for superusers; and their roles on sites, for the owners of these sites."""

from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.second_factor import reset_second_factor
from experiments.admin.base import OfSites, SiteRowsAdmin
from experiments.models import Membership
from experiments.selectors.permissions import sites_where

admin.site.unregister(User)
# Roles on sites decide, not groups.
admin.site.unregister(Group)


class MembershipInline(OfSites, TabularInline):  # type: ignore[misc]
    model = Membership
    extra = 0


@admin.register(User)
class StyledUserAdmin(UserAdmin, ModelAdmin):  # type: ignore[type-arg, misc]
    """Accounts: no role is named for them, so that only superusers come here."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    # A page of a list stays below 100 kB.
    list_per_page = 36
    list_filter = ("is_staff", "is_superuser", "is_active")
    filter_horizontal = ()
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        (_("Person"), {"fields": ("first_name", "last_name", "email")}),
        (
            _("Access"),
            {
                "fields": ("is_active", "is_staff", "is_superuser"),
                "description": _(
                    "Staff may log in and do what their roles below allow on each site. A"
                    " superuser may do everything on every site."
                ),
            },
        ),
        (_("Dates"), {"fields": ("last_login", "date_joined")}),
    )
    actions = ("reset_second_factors",)

    @admin.action(description=_("Reset second factors, end sessions"), permissions=["change"])
    def reset_second_factors(self, request: HttpRequest, people: QuerySet[User]) -> None:
        """Let people who have lost theirs in with the password alone, to set up another."""
        count = sum(reset_second_factor(one, request=request) > 0 for one in people)
        sentence = ngettext("Reset for %(count)s person.", "Reset for %(count)s people.", count)
        self.message_user(request, sentence % {"count": count})


@admin.register(Membership)
class MembershipAdmin(SiteRowsAdmin[Membership]):
    """Roles of people, given by the owners of a site."""

    list_display = ("user", "site", "role")
    list_filter = ("site", "role")
    list_select_related = ("user", "site")
    search_fields: ClassVar = ("user__username", "user__email")

    def get_field_queryset(self, db: str | None, db_field: Any, request: HttpRequest) -> Any:
        """Offer an owner the people of their sites; all accounts are for superusers."""
        rows = super().get_field_queryset(db, db_field, request)
        if db_field.remote_field.model is not User or request.user.is_superuser:
            return rows
        sites = sites_where(request.user, "experiments.change_membership")
        return User.objects.filter(memberships__site__in=sites).distinct()
