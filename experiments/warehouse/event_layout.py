"""The table of events that every engine is asked: names, types, and no more than is counted."""

# Attributes of an exposure that split a report, in the order in which segments name them.
ATTRIBUTES = ("country", "device", "locale", "new_visitor")
# What is known of an exposure: its attributes, and the number of its phase from the second on.
OF_EXPOSURES = (*ATTRIBUTES, "phase")
# Six decimals: a millionth of any currency. Products of two keep twelve of the 38 digits.
VALUE = "decimal(19, 6)"
# A table may lack it: then no currency is known.
CURRENCY = "currency"
# A table may lack them: then nobody is left out for that.
LATER_FLAGS = dict.fromkeys(("is_unexplained", "is_burst", "is_repeated", "is_late"), "boolean")
# In files that people have; never rename.
COLUMNS = {
    "site": "string",
    "event_id": "string",
    "type": "string",
    "visitor": "string",
    "experiment": "string",
    "variant": "string",
    "goal": "string",
    "value": VALUE,
    "occurred_at": "timestamp('UTC', 6)",
    "received_at": "timestamp('UTC', 6)",
    "is_bot": "boolean",
    "is_internal": "boolean",
    "is_prefetched": "boolean",
} | dict.fromkeys(OF_EXPOSURES, "string")
