"""Sentence that names a burst of few senders, in the active language."""

import math
from datetime import timedelta

from django.utils.formats import date_format
from django.utils.translation import ngettext

from experiments.formatting import count, percent
from experiments.models import Burst

MINUTE = timedelta(minutes=1)


def burst_in_words(burst: Burst) -> str:
    """Return the share of the day's new visitors, the senders and the time that they took."""
    text = ngettext(
        "%(share)s of the new visitors of %(day)s, UTC (%(visitors)s of %(everybody)s), came from "
        "%(senders)s sender in %(minutes)s min.",
        "%(share)s of the new visitors of %(day)s, UTC (%(visitors)s of %(everybody)s), came from "
        "%(senders)s senders in %(minutes)s min.",
        burst.n_senders,
    )
    return text % {
        "share": percent(burst.visitors / burst.all_visitors, 0),
        "day": date_format(burst.day, "DATE_FORMAT"),
        "visitors": count(burst.visitors),
        "everybody": count(burst.all_visitors),
        "senders": count(burst.n_senders),
        "minutes": count(max(math.ceil((burst.last_at - burst.first_at) / MINUTE), 1)),
    }
