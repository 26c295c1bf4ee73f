"""Access to a site: roles of people, and secret keys of servers."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.catalogue import Site


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


class ServerKey(models.Model):
    """A secret key for a site's own servers; only its digest is kept."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="server_keys")
    name = models.CharField(_("name"), max_length=200)
    prefix = models.CharField(_("first characters"), max_length=12)
    digest = models.CharField(_("SHA-256 digest"), max_length=64, unique=True)
    created_at = models.DateTimeField(_("created"))
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True)

    class Meta:
        verbose_name = _("server key")
        verbose_name_plural = _("server keys")
        ordering = ("site", "name")

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"
