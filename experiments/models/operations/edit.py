"""Edits of rows by people and servers: each field before and after."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from experiments.models.site import Site


class Edit(models.Model):
    """One edit of a row: time, author, reason, and its fields before and after. Never changed.

    The row is named by its kind and number, for it may be gone. `changes` are rows of
    `[part, field, before, after]`, as `services.edits.row_content` gives them; None: not there.
    """

    # Stored; never rename.
    class Verb(models.TextChoices):
        ADD = "add", _("Created")
        CHANGE = "change", _("Edited")
        DELETE = "delete", _("Deleted")

    # Stored; never rename.
    class Way(models.TextChoices):
        FORM = "form", _("by hand")
        API = "api", _("by the management API")
        TOGETHER = "together", _("together with others")
        UNDO = "undo", _("undone")
        COPY = "copy", _("as a copy")
        WIZARD = "wizard", _("with a new test")
        PROMOTE = "promote", _("shown to everybody after a test")
        UNPROMOTE = "unpromote", _("former default restored")
        ARCHIVE = "archive", _("archived")
        RESTORE = "restore", _("brought back")
        IMPORT = "import", _("by an import")

    site = models.ForeignKey(Site, models.CASCADE, related_name="edits")
    # Name of the model in lower case. Stored; never rename.
    kind = models.CharField(max_length=50)
    row = models.PositiveBigIntegerField()
    name = models.CharField(_("name"), max_length=250)
    verb = models.CharField(_("what"), max_length=10, choices=Verb)
    way = models.CharField(_("how"), max_length=10, choices=Way, default=Way.FORM)
    at = models.DateTimeField(_("when"))
    changes = models.JSONField(_("changes"))
    note = models.TextField(_("note"), blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        related_name="+",
        verbose_name=_("by"),
        null=True,
        help_text="Empty: a server with its key, or somebody whose account is gone.",
    )
    server_key = models.CharField(_("server key"), max_length=250, blank=True, default="")

    class Meta:
        verbose_name = _("edit")
        verbose_name_plural = _("edits")
        ordering = ("-at", "-pk")
        indexes = (models.Index(fields=("kind", "row", "-at"), name="edit_of_row"),)

    def __str__(self) -> str:
        return f"{self.verb} {self.kind} {self.name}"
