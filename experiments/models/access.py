"""Access to a site: roles of people, and secret keys of servers."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.site import Site


class Membership(models.Model):
    """A person's role on one site; without one the site does not exist for them."""

    # Stored; never rename. Each role may do all that the roles before it may.
    class Role(models.TextChoices):
        VIEWER = "viewer", _("Viewer: reads everything")
        ANALYST = "analyst", _("Analyst: also ranks wordings and trains")
        MARKETER = "marketer", _("Marketer: also edits and runs experiments")
        OWNER = "owner", _("Owner: also keys, people, settings and erasure")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        related_name="memberships",
        verbose_name=_("person"),
    )
    site = models.ForeignKey(
        Site, models.CASCADE, related_name="memberships", verbose_name=_("site")
    )
    role = models.CharField(_("role"), max_length=10, choices=Role)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        ordering = ("site", "user")
        constraints = (
            models.UniqueConstraint(fields=("user", "site"), name="membership_one_role_a_site"),
            models.CheckConstraint(
                condition=Q(role__in=("viewer", "analyst", "marketer", "owner")),
                name="membership_role_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.user} @ {self.site}"


def all_scopes() -> list[str]:
    """Return the scopes of keys from before there were scopes: all but those that came later."""
    return [scope for scope in ServerKey.Scope.values if scope != ServerKey.Scope.MANAGE]


class ServerKey(models.Model):
    """A secret key for a site's own servers; only its digest is kept."""

    # Stored; never rename.
    class Scope(models.TextChoices):
        READ = "read", _("Read: catalogue, experiments, reports, evaluations")
        WRITE = "write", _("Write: edit the catalogue, run experiments, send events")
        MANAGE = "manage", _("Manage: settings of the site")
        ERASE = "erase", _("Erase: visitors and their events")
        ANALYSE = "analyse", _("Analyse: calculations and rankings")

    site = models.ForeignKey(
        Site, models.CASCADE, related_name="server_keys", verbose_name=_("site")
    )
    name = models.CharField(
        _("name"), max_length=200, help_text=_("It stands in the history of what the key did.")
    )
    prefix = models.CharField(_("first characters"), max_length=12)
    digest = models.CharField(_("SHA-256 digest"), max_length=64, unique=True)
    scopes = models.JSONField(_("scopes"), default=all_scopes)
    created_at = models.DateTimeField(_("created"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("created by"),
        null=True,
        blank=True,
    )
    expires_at = models.DateTimeField(
        _("expires"), null=True, blank=True, help_text=_("Empty: never.")
    )
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)
    revocation_reason = models.CharField(
        _("reason of the revocation"), max_length=500, blank=True, default=""
    )
    successor = models.OneToOneField(
        "self",
        models.SET_NULL,
        related_name="predecessor",
        verbose_name=_("successor"),
        null=True,
        blank=True,
    )

    class Meta:
        verbose_name = _("server key")
        verbose_name_plural = _("server keys")
        ordering = ("site", "name")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class FormerClientKey(models.Model):
    """A client key that was replaced, and until when pages that still have it go on."""

    site = models.ForeignKey(
        Site, models.CASCADE, related_name="former_client_keys", verbose_name=_("site")
    )
    key = models.CharField(_("client key"), max_length=100, unique=True)
    replaced_at = models.DateTimeField(_("replaced"))
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("former client key")
        verbose_name_plural = _("former client keys")
        ordering = ("site", "-replaced_at")
        constraints = (
            models.CheckConstraint(condition=~Q(key=""), name="former_client_key_not_empty"),
        )

    def __str__(self) -> str:
        return self.key


class AccessRecord(models.Model):
    """Line of the history of access to a site: its keys, exports and erasures. Never changed."""

    # Stored; never rename.
    class Kind(models.TextChoices):
        KEY_MADE = "key_made", _("Server key made")
        KEY_ROTATED = "key_rotated", _("Server key rotated")
        KEY_REVOKED = "key_revoked", _("Server key revoked")
        KEY_DELETED = "key_deleted", _("Server key deleted")
        CLIENT_KEY_ROTATED = "client_rotated", _("Client key rotated")
        CLIENT_KEY_ENDED = "client_ended", _("Former client key ended")
        ERASED = "erased", _("Visitor erased")
        EXPORTED = "exported", _("Visitor exported")

    site = models.ForeignKey(
        Site, models.CASCADE, related_name="access_records", verbose_name=_("site")
    )
    at = models.DateTimeField(_("when"))
    kind = models.CharField(_("what"), max_length=20, choices=Kind)
    key = models.CharField(
        _("key"), max_length=250, blank=True, help_text="Name and first characters; never a secret."
    )
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
        help_text="Empty: a server with its key, the command line, or a deleted account.",
    )
    # The account may be deleted; then `author` is empty, as it is for the command line.
    by_person = models.BooleanField(_("by a person"), default=False, db_default=False)
    note = models.TextField(_("note"), blank=True)

    class Meta:
        verbose_name = _("access record")
        verbose_name_plural = _("history of access")
        ordering = ("-at", "-pk")

    def __str__(self) -> str:
        return f"{self.kind} {self.at}"


class SnippetSighting(models.Model):
    """The last time that the snippet asked for a site's CTAs, and on which page."""

    site = models.OneToOneField(Site, models.CASCADE, related_name="sighting")
    seen_at = models.DateTimeField(_("seen"))
    path = models.CharField(_("page"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("sighting of the snippet")
        verbose_name_plural = _("sightings of the snippet")

    def __str__(self) -> str:
        return f"{self.site_id} {self.path}"
