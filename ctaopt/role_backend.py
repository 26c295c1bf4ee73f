"""Log-in by password, with permissions from the roles on sites and from nowhere else."""

from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Model

from experiments.selectors.permissions import LEAST_ROLES, may


class RoleBackend(ModelBackend):
    """Answers `has_perm` by role: permissions of a user or a group are not read."""

    def get_user(self, user_id: int) -> User | None:
        """Return a person with what they have chosen, in one query; None if there is none."""
        people = User.objects.select_related("preferences", "notice_choice")
        user = people.filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: Model | None = None) -> bool:
        return may(user_obj, perm, obj)

    def has_module_perms(self, user_obj: User | AnonymousUser, app_label: str) -> bool:
        return any(may(user_obj, name) for name in LEAST_ROLES if name.startswith(f"{app_label}."))

    def get_all_permissions(
        self, user_obj: User | AnonymousUser, obj: Model | None = None
    ) -> set[str]:
        return {name for name in LEAST_ROLES if may(user_obj, name, obj)}

    def get_user_permissions(self, *_: Any, **__: Any) -> set[str]:
        return set()

    def get_group_permissions(self, *_: Any, **__: Any) -> set[str]:
        return set()
