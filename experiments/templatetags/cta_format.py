"""The formats of experiments.formatting, and the words of the statistics, as template filters."""

from django import template

from experiments import formatting
from experiments.services.reporting.statistics_messages import in_words

register = template.Library()

for function in (
    formatting.count,
    formatting.estimate_interval,
    formatting.p_value,
    formatting.percent,
    formatting.percent_interval,
    formatting.points,
    formatting.points_interval,
    formatting.signed_interval,
    formatting.signed_percent,
    formatting.segment_value,
    formatting.whole_days,
    in_words,
):
    register.filter(function.__name__, function)
