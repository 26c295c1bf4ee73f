"""Site: a web property with its keys, its languages and its own rules."""

from decimal import Decimal
from zoneinfo import ZoneInfo

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from experiments.models.fields import LanguageTagField, SiteAddressField
from experiments.models.validators import (
    COLOUR_PATTERN,
    colour_validator,
    default_time_zone,
    empty_list,
    locale_validator,
    networks_validator,
    new_client_key,
    origins_validator,
    prefixes_validator,
    refuse_low_contrast,
    time_zone_validator,
)

# Colours of the CTAs of a site that has chosen none.
BRAND_BACKGROUND, BRAND_TEXT = "#1d4ed8", "#ffffff"
# The engine's own floors: below them its intervals miss too often, so no site may go lower.
LEAST_VISITORS, LEAST_CONVERSIONS, MOST_DAYS = 100, 20, 90

# Part of the visitors that a holdout takes at most.
MOST_HELD_OUT = Decimal("0.5")


class Site(models.Model):
    """A web property with its own keys."""

    key = models.SlugField(_("key"), unique=True)
    name = models.CharField(_("name"), max_length=200)
    client_key = models.CharField(
        _("client key"),
        max_length=100,
        unique=True,
        default=new_client_key,
        help_text=_("Publishable: it stands in the page's source."),
    )
    address = SiteAddressField(_("address"))
    default_locale = LanguageTagField(
        _("default language"), max_length=35, default="en", validators=[locale_validator]
    )
    allowed_origins = models.JSONField(
        _("allowed origins"),
        default=empty_list,
        blank=True,
        validators=[origins_validator],
        help_text=_("Origins that may call the API from a browser. Empty: any origin."),
    )
    internal_networks = models.JSONField(
        _("internal networks"),
        default=empty_list,
        blank=True,
        validators=[networks_validator],
        help_text=_("Address ranges of your own people: kept, but left out of the analysis."),
    )
    internal_visitors = models.JSONField(
        _("internal visitors"),
        default=empty_list,
        blank=True,
        validators=[prefixes_validator],
        help_text=_(
            "Beginnings of the ids of your own people: kept, but left out of the analysis."
        ),
    )
    needs_receipts = models.BooleanField(
        _("exposures need receipts"),
        default=False,
        db_default=False,
        help_text=_(
            "An exposure from a browser counts only with the receipt of the answer that gave the "
            "arm. Not for pages that use the GrowthBook payload: it has none."
        ),
    )
    values_need_server = models.BooleanField(
        _("values from servers only"),
        default=False,
        db_default=False,
        help_text=_(
            "A conversion with a value is taken with a server key only. Anybody can read the client"
            " key of a page and send values with it, in any currency."
        ),
    )
    holdout = models.DecimalField(
        _("holdout"),
        max_digits=5,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(MOST_HELD_OUT)],
        help_text=_(
            "Fraction of the visitors kept out of all experiments, such as 0.05. They show what the"
            " tests have brought altogether. Best set once, before the first experiment."
        ),
    )
    holdout_seed = models.CharField(
        _("seed of the holdout"),
        max_length=200,
        blank=True,
        default="",
        help_text=_("Empty: the site's key. Another seed holds other visitors out."),
    )
    minimum_visitors = models.PositiveIntegerField(
        _("visitors before a verdict"),
        default=LEAST_VISITORS,
        validators=[MinValueValidator(LEAST_VISITORS)],
        help_text=_("Of each arm. Harm is acted on earlier, from 100 on."),
    )
    minimum_conversions = models.PositiveIntegerField(
        _("successes before a verdict"),
        default=LEAST_CONVERSIONS,
        validators=[MinValueValidator(LEAST_CONVERSIONS)],
        help_text=_(
            "Clicks or conversions of each arm. Below 20 the intervals are wrong too often."
        ),
    )
    minimum_days = models.PositiveSmallIntegerField(
        _("days before a verdict"),
        default=7,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)],
        help_text=_("Weekdays differ: take whole weeks. Harm is acted on earlier."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        default=default_time_zone,
        validators=[time_zone_validator],
        help_text=_(
            "Schedules, times on pages and the days of reports are in it. An experiment keeps the"
            " zone in which it was started."
        ),
    )
    former_id_attribute = models.CharField(
        _("attribute with the id before log-in"),
        max_length=100,
        blank=True,
        default="anonymousId",
        help_text=_(
            "Where a visitor gets another id by logging in, send the former one in this attribute:"
            " the arm is kept. Empty: not used."
        ),
    )
    teaches_others = models.BooleanField(
        _("its tests teach other sites"),
        null=True,
        blank=True,
        help_text=_(
            "The predictor of all sites learns from its past tests and shows their wordings and"
            " figures to the others. Unknown: as long as the sites have one owner."
        ),
    )
    needs_approval = models.BooleanField(
        _("a second person approves each test"),
        default=False,
        db_default=False,
        help_text=_("A test starts only after somebody else than its author has approved it."),
    )

    brand_background_color = models.CharField(
        _("brand colour"),
        max_length=7,
        default=BRAND_BACKGROUND,
        db_default=BRAND_BACKGROUND,
        validators=[colour_validator],
        help_text=_("New CTAs begin with it: the ground of a button, the colour of a link."),
    )
    brand_text_color = models.CharField(
        _("text on the brand colour"),
        max_length=7,
        default=BRAND_TEXT,
        db_default=BRAND_TEXT,
        validators=[colour_validator],
    )

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering = ("name",)
        constraints = (
            models.CheckConstraint(condition=~Q(key=""), name="site_key_not_empty"),
            models.CheckConstraint(condition=~Q(client_key=""), name="site_client_key_not_empty"),
            models.CheckConstraint(
                condition=Q(holdout__gte=0) & Q(holdout__lte=0.5), name="site_holdout_range"
            ),
            models.CheckConstraint(condition=~Q(time_zone=""), name="site_time_zone_not_empty"),
            models.CheckConstraint(
                condition=Q(minimum_visitors__gte=LEAST_VISITORS)
                & Q(minimum_conversions__gte=LEAST_CONVERSIONS)
                & Q(minimum_days__gte=1)
                & Q(minimum_days__lte=MOST_DAYS),
                name="site_minimum_range",
            ),
            models.CheckConstraint(
                condition=Q(brand_background_color__regex=COLOUR_PATTERN)
                & Q(brand_text_color__regex=COLOUR_PATTERN),
                name="site_brand_colours_are_hexadecimal",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse brand colours that many cannot read."""
        refuse_low_contrast(
            self.brand_background_color, self.brand_text_color, field="brand_text_color"
        )

    @property
    def brand_look(self) -> dict[str, str]:
        """Colours with which a new CTA of the site begins."""
        return {
            "background_color": self.brand_background_color,
            "text_color": self.brand_text_color,
        }

    @property
    def assigned_holdout_seed(self) -> str:
        # Never the seed of an experiment: the two shuffles would be one.
        return self.holdout_seed or f"{self.key}:holdout"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)
