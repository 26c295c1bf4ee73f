"""Schema of the event messages that websites send. Unknown fields are refused."""

import re
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec

from experiments.event_schema.visitor_ids import as_visitor, visitor_fault, visitor_fault_text
from tables.amounts import read_amount
from tables.labels import tidy_name

# The time of an event older than this is meaningless.
MAX_AGE = timedelta(days=30)
# Longest time a request may take: a smaller difference is not a wrong clock.
ON_THE_WAY = timedelta(seconds=10)
# Events of a clock that is wrong by more are refused.
MAX_SKEW = timedelta(days=1)
# Largest difference between an event's time and its id's: an outbox may be emptied later.
ID_SLACK = timedelta(days=1)

MILLIONTH = Decimal("0.000001")

# No patterns here: a regular expression costs four times what the rest of a field does. Fields
# stored in clear are checked by `check_stored_texts`; the others must match a known key.
LONGEST_ID = 200
Identifier = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_ID)]
Goal = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
# Control characters have no place in a name, and PostgreSQL stores no NUL: refused by validation.
PRINTABLE = r"^[^\x00-\x1f\x7f]*\Z"
_is_printable = re.compile(PRINTABLE).match
# The language at the beginning of a page's locale: fr, fr-CA, pt_BR.
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?![A-Za-z])")
Instant = Annotated[datetime, msgspec.Meta(tz=True)]
MOST_VALUE = 1e12
Value = Annotated[float, msgspec.Meta(ge=-MOST_VALUE, le=MOST_VALUE)]


def exact_value(value: float) -> Decimal:
    """Round to six decimals, the stored precision.

    Sums of squares of such numbers are exact here and in any warehouse.
    """
    number = Decimal(str(value))
    rounded = number.quantize(MILLIONTH)
    return number if number == rounded else rounded


def may_be_visitor(text: str) -> bool:
    """Return whether an event could be of such a visitor."""
    return 1 <= len(text) <= 200 and re.match(PRINTABLE, text) is not None


class _Shown(msgspec.Struct, kw_only=True):
    id: UUID
    slot: Identifier
    visitor: Identifier
    variant: Identifier
    at: Instant
    experiment: Identifier | None = None
    # As in `metadata.phase`: the shares may have changed since. `variant` may name it, too: b@1.
    phase: Annotated[int, msgspec.Meta(ge=0, le=32_767)] | None = None
    # As in `metadata.receipt`.
    receipt: Annotated[str, msgspec.Meta(max_length=100)] | None = None


class Attributes(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Visitor attributes by which a report may be split. Any other is refused by name."""

    device: Literal["mobile", "tablet", "desktop"] | None = None
    locale: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    country: Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{2}\Z")] | None = None
    new_visitor: bool | None = None
    # Not a segment: such visitors are left out.
    ctaopt_internal: bool | None = None

    def kept(self) -> dict[str, str | bool]:
        """Return the stored values: only the language of the locale, and only if it is one.

        Pages are written by others: an exposure is not lost for a wrong `lang`.
        """
        values: dict[str, str | bool] = msgspec.to_builtins(self)
        values.pop("ctaopt_internal", None)
        values.pop("locale", None)
        language = LANGUAGE.match(self.locale or "")
        if language:
            values["locale"] = language[0].lower()
        return values


class ExposureMessage(_Shown, tag_field="type", tag="exposure", kw_only=True):
    """The variant was really shown; `late`: it was not, it came when the page was seen already."""

    attributes: Attributes | None = None
    late: bool = False


class ClickMessage(_Shown, tag_field="type", tag="click", kw_only=True):
    """The CTA was clicked."""


def _amount_in(text: str, currency: str | None) -> tuple[float, str | None]:
    """Return the value that stands in a text, and its currency.

    Raises:
        ValueError: If there is no number, or may be two; if it is in another currency.
    """
    try:
        number, named = read_amount(text, currency)
    except ValueError as error:
        raise ValueError(f"value: {text!r} {error}") from None
    if abs(number) > MOST_VALUE:
        raise ValueError(f"value: {text!r} is beyond {MOST_VALUE:.0e}")
    return number, named


def _order_in(value: str | float) -> str:
    """Return an order number as its text; raise ValueError if it names no one order.

    A template that was not filled in gives every order the same number: one would count.
    """
    text: str = as_visitor(value).strip()
    _check_printable("order", text)
    # A page has it with no-break spaces, the shop's server without.
    order = tidy_name(text)
    if len(order) > LONGEST_ID:
        raise ValueError(f"order: is longer than {LONGEST_ID} characters")
    if visitor_fault(order) == "placeholder" or not any(map(str.isalnum, order)):
        raise ValueError("order: is a placeholder: the number of one order is needed")
    return order


class ConversionMessage(msgspec.Struct, tag_field="type", tag="conversion", kw_only=True):
    """A goal was reached, wherever on the site."""

    id: UUID
    visitor: Identifier
    goal: Goal
    at: Instant
    value: Value | Annotated[str, msgspec.Meta(max_length=40)] | None = None
    currency: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z]{3}\Z")] | None = None
    # Number of the order: all conversions to the goal with it are one.
    order: Identifier | int | float | None = None

    def __post_init__(self) -> None:
        if self.order is not None:
            self.order = _order_in(self.order)
        # Shops write both as they stand on the page: "1 299,00 €" and "eur".
        if self.currency is not None:
            self.currency = self.currency.upper()
        if isinstance(self.value, str):
            self.value, self.currency = _amount_in(self.value, self.currency)

    @property
    def amount(self) -> Decimal | None:
        """The value in its stored precision."""
        return exact_value(self.value) if isinstance(self.value, float) else None


ShownMessage = ExposureMessage | ClickMessage
Message = ShownMessage | ConversionMessage
MESSAGE_TYPES = (ExposureMessage, ClickMessage, ConversionMessage)


def check_stored_texts(message: Message) -> None:
    """Refuse control characters in what is stored as it came, and ids that name no one visitor.

    Raises:
        ValueError: With the field and the reason, without the id.
    """
    _check_printable("visitor", message.visitor)
    if fault := visitor_fault_text(message.visitor):
        raise ValueError(f"visitor: {fault}")
    if isinstance(message, ConversionMessage):
        _check_printable("goal", message.goal)


def _check_printable(field: str, text: str) -> None:
    if not text.isprintable() and not _is_printable(text):
        raise ValueError(f"Expected `str` without control characters - at `$.{field}`")


class Batch(msgspec.Struct, kw_only=True):
    """Events, and the time of the client's clock when it sent them."""

    events: list[Message]
    sent_at: Instant | None = None


_decode_batch = msgspec.json.Decoder(Batch).decode


def batch_in(body: bytes) -> Batch | None:
    """Return the batch of a body in which all events are of their shape; None of any other.

    One pass straight into typed messages: a fifth of the time that reading first and looking at
    each event afterwards takes, which names the fault.
    """
    try:
        return _decode_batch(body)
    except (ValueError, RecursionError):
        return None


def sent_at_in(value: Any) -> datetime | None:
    """Return the time of sending of a batch; raise ValueError if it is none."""
    moment: datetime | None = msgspec.convert(value, type=Instant | None)
    return moment


def clock_skew(sent_at: datetime | None, *, now: datetime) -> timedelta:
    """Return what is to be added to the times of a client's clock.

    Raises:
        ValueError: If the clock is off by more than a day.
    """
    if sent_at is None or abs(now - sent_at) <= ON_THE_WAY:
        return timedelta(0)
    if abs(now - sent_at) > MAX_SKEW:
        raise ValueError(f"the clock is off by more than {MAX_SKEW.days} day")
    return now - sent_at
