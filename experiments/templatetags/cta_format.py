"""The formats of experiments.formatting as template filters."""

from django import template

from experiments import formatting

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
):
    register.filter(function.__name__, function)
