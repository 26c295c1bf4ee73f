"""Catalogue: slots, CTAs and audiences."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.legibility import is_one_sign
from experiments.models.fields import LanguageTagField
from experiments.models.site import Site
from experiments.models.validators import (
    COLOUR_PATTERN,
    DESTINATION_PATTERN,
    colour_validator,
    condition_validator,
    destination_validator,
    empty_list,
    locale_validator,
    refuse_low_contrast,
)


class Tag(models.Model):
    site = models.ForeignKey(Site, models.CASCADE, related_name="tags")
    name = models.CharField(_("name"), max_length=50)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ("name",)
        constraints = (models.UniqueConstraint(fields=("site", "name"), name="tag_unique_name"),)

    def __str__(self) -> str:
        return self.name


class CTA(models.Model):
    """A call to action: what is said, how it looks, where it leads."""

    # Stored; never rename.
    class Form(models.TextChoices):
        BUTTON = "button", _("Button")
        LINK = "link", _("Hypertext link")
        SPOKEN = "spoken", _("Spoken instruction")

    # Stored; never rename.
    class Size(models.TextChoices):
        SMALL = "small", _("Small")
        MEDIUM = "medium", _("Medium")
        LARGE = "large", _("Large")

    # Stored; never rename.
    class Principle(models.TextChoices):
        URGENCY = "urgency", _("Urgency")
        SCARCITY = "scarcity", _("Scarcity")
        REWARD = "reward", _("Reward")
        SOCIAL_PROOF = "social_proof", _("Social proof")
        CLARITY = "clarity", _("Clarity")

    site = models.ForeignKey(Site, models.CASCADE, related_name="ctas", verbose_name=_("site"))
    name = models.CharField(_("name"), max_length=200, help_text=_("For your own lists."))
    form = models.CharField(_("form"), max_length=10, choices=Form, default=Form.BUTTON)
    destination = models.CharField(
        _("destination"),
        max_length=2000,
        blank=True,
        validators=[destination_validator],
        help_text=_("Where it leads: an address or a path. Empty: the page keeps its own."),
    )
    background_color = models.CharField(
        _("background colour"), max_length=7, default="#1d4ed8", validators=[colour_validator]
    )
    text_color = models.CharField(
        _("text colour"), max_length=7, default="#ffffff", validators=[colour_validator]
    )
    size = models.CharField(_("size"), max_length=10, choices=Size, default=Size.MEDIUM)
    icon = models.CharField(
        _("icon"), max_length=8, blank=True, help_text=_("A character shown before the text.")
    )
    principles = models.JSONField(_("principles"), default=empty_list, blank=True)
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("CTA")
        verbose_name_plural = _("CTAs")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("site", "name"), name="cta_unique_name"),
            models.CheckConstraint(
                condition=Q(form__in=("button", "link", "spoken")), name="cta_form_known"
            ),
            models.CheckConstraint(
                condition=Q(destination="") | Q(destination__regex=DESTINATION_PATTERN),
                name="cta_destination_safe",
            ),
            models.CheckConstraint(
                condition=Q(size__in=("small", "medium", "large")), name="cta_size_known"
            ),
            models.CheckConstraint(
                condition=Q(background_color__regex=COLOUR_PATTERN)
                & Q(text_color__regex=COLOUR_PATTERN),
                name="cta_colours_are_hexadecimal",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse colours that many cannot read, and words in place of an icon."""
        refuse_low_contrast(self.background_color, self.text_color, field="text_color")
        if self.icon and not is_one_sign(self.icon):
            fault = _("Write one sign or emoji, such as →, or leave it empty.")
            raise ValidationError({"icon": fault})


class CTAWording(models.Model):
    """Wording of a CTA in one language."""

    cta = models.ForeignKey(CTA, models.CASCADE, related_name="wordings")
    locale = LanguageTagField(_("language"), max_length=35, validators=[locale_validator])
    text = models.CharField(_("wording"), max_length=200)

    class Meta:
        verbose_name = _("wording")
        verbose_name_plural = _("wordings")
        ordering = ("locale",)
        constraints = (
            models.UniqueConstraint(fields=("cta", "locale"), name="wording_one_a_locale"),
            models.CheckConstraint(condition=~Q(text=""), name="wording_not_empty"),
        )

    def __str__(self) -> str:
        return self.text


class Audience(models.Model):
    """A named condition over visitor attributes."""

    site = models.ForeignKey(Site, models.CASCADE, related_name="audiences", verbose_name=_("site"))
    key = models.SlugField(_("key"))
    name = models.CharField(_("name"), max_length=200)
    condition = models.JSONField(
        _("condition"),
        default=dict,
        blank=True,
        validators=[condition_validator],
        help_text=_('Over attributes such as locale, device, new_visitor: {"locale": "fr"}.'),
    )

    class Meta:
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("site", "key"), name="audience_unique_key"),
            models.CheckConstraint(condition=~Q(key=""), name="audience_key_not_empty"),
        )

    def __str__(self) -> str:
        return self.name


class Slot(models.Model):
    """A place on a site where a CTA may appear. It outlives its experiments."""

    # Stored; never rename.
    class Position(models.TextChoices):
        ABOVE_FOLD = "above_fold", _("Above the fold")
        IN_TEXT = "in_text", _("In the text")
        FOOTER = "footer", _("Footer")
        POPUP = "popup", _("Pop-up")
        EMAIL = "email", _("E-mail")
        SPOKEN = "spoken", _("Spoken")

    site = models.ForeignKey(Site, models.CASCADE, related_name="slots", verbose_name=_("site"))
    key = models.SlugField(_("key"), help_text=_('The page names it: data-cta-slot="hero-signup".'))
    name = models.CharField(_("name"), max_length=200)
    page_pattern = models.CharField(
        _("page"), max_length=500, blank=True, help_text=_("For example /pricing/*")
    )
    position = models.CharField(
        _("position"), max_length=20, choices=Position, default=Position.ABOVE_FOLD
    )
    default_cta = models.ForeignKey(
        CTA,
        models.PROTECT,
        related_name="default_of_slots",
        verbose_name=_("default CTA"),
        help_text=_("Shown to everybody who takes part in no experiment."),
    )

    class Meta:
        verbose_name = _("slot")
        verbose_name_plural = _("slots")
        ordering = ("name",)
        constraints = (
            models.UniqueConstraint(fields=("site", "key"), name="slot_unique_key"),
            # OpenFeature clients do not percent-encode "/" in flag keys.
            models.CheckConstraint(
                condition=~Q(key="") & ~Q(key__contains="/"), name="slot_key_safe_in_urls"
            ),
            models.CheckConstraint(
                condition=Q(
                    position__in=("above_fold", "in_text", "footer", "popup", "email", "spoken")
                ),
                name="slot_position_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} ({self.key})"

    def clean(self) -> None:
        """Refuse a default CTA of another site."""
        has_both = self.site_id is not None and self.default_cta_id is not None
        if has_both and self.default_cta.site_id != self.site_id:
            raise ValidationError({"default_cta": _("This CTA belongs to another site.")})


class Namespace(models.Model):
    """Experiments that must not meet in one visitor take disjoint ranges of a namespace.

    It owns seed, unit and hash version, so that all its experiments cut the visitors the same way.
    """

    site = models.ForeignKey(Site, models.CASCADE, related_name="namespaces")
    key = models.SlugField(_("key"))
    seed = models.CharField(
        _("seed"),
        max_length=200,
        help_text=_("Any text; another seed, another shuffle of the visitors."),
    )
    unit = models.CharField(
        _("unit"),
        max_length=100,
        blank=True,
        help_text=_(
            "Attribute whose value is hashed, such as company: everybody with the same value is in"
            " the same part. Empty: the visitor. Visitors without it are in no part."
        ),
    )
    hash_version = models.PositiveSmallIntegerField(_("hash version"), default=2, editable=False)

    class Meta:
        verbose_name = _("namespace")
        verbose_name_plural = _("namespaces")
        ordering = ("key",)
        constraints = (
            models.UniqueConstraint(fields=("site", "key"), name="namespace_unique_key"),
            models.CheckConstraint(condition=~Q(key=""), name="namespace_key_not_empty"),
            models.CheckConstraint(condition=~Q(seed=""), name="namespace_seed_not_empty"),
            models.CheckConstraint(condition=Q(hash_version=2), name="namespace_hash_version_2"),
        )

    def __str__(self) -> str:
        return self.key
