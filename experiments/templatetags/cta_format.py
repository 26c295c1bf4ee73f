"""The formats of experiments.formatting, and the words of the statistics, as template filters."""

from django import template
from django.utils.html import format_html

from experiments import formatting
from experiments.services.reporting.statistics_messages import in_words

register = template.Library()


@register.filter
def p_value(value: float | None) -> str:
    """Return a p-value with four digits; a smaller one is shown as such, exact on hover."""
    if value is None or value >= formatting.SMALLEST_DECIMAL_P:
        return formatting.p_value(value)
    short, exact = formatting.rounded_p(value), formatting.p_value(value)
    return format_html('<span title="{}">{}</span>', exact, short)


@register.filter
def p_equation(value: float | None) -> str:
    """Return what stands behind the "p" of a sentence: "= 0.0169", "< 0.0001"."""
    text = p_value(value)
    is_below = value is not None and value < formatting.SMALLEST_DECIMAL_P
    return text if is_below else f"= {text}"


for function in (
    formatting.chance,
    formatting.count,
    formatting.estimate_interval,
    formatting.percent,
    formatting.percent_interval,
    formatting.points,
    formatting.points_interval,
    formatting.share,
    formatting.signed_interval,
    formatting.signed_percent,
    formatting.segment_value,
    formatting.whole_days,
    in_words,
):
    register.filter(function.__name__, function)
