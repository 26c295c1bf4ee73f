"""What websites may send about a visitor: the shape of each event, and nothing else."""

from datetime import datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec

# Clocks of browsers are wrong; an event further off than this says nothing about when it was.
MAX_AHEAD = timedelta(minutes=10)
MAX_AGE = timedelta(days=30)

# Control characters name nothing, and PostgreSQL stores no NUL: refused at the door.
PRINTABLE = r"^[^\x00-\x1f\x7f]*\Z"
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=PRINTABLE)]
Goal = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=PRINTABLE)]
Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class _Shown(msgspec.Struct, kw_only=True):
    id: UUID
    slot: Identifier
    visitor: Identifier
    variant: Identifier
    at: Instant
    experiment: Identifier | None = None


class ExposureMessage(_Shown, tag_field="type", tag="exposure", kw_only=True):
    """The variant was really shown."""


class ClickMessage(_Shown, tag_field="type", tag="click", kw_only=True):
    """The CTA was clicked."""


class ConversionMessage(msgspec.Struct, tag_field="type", tag="conversion", kw_only=True):
    """A goal was reached, wherever on the site."""

    id: UUID
    visitor: Identifier
    goal: Goal
    at: Instant
    value: Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}\Z")] | None = None


ShownMessage = ExposureMessage | ClickMessage
Message = ShownMessage | ConversionMessage
