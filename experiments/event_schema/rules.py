"""Constants of the counting rules, shared by ingestion, rollups and the warehouse query."""

from datetime import timedelta

# Attribute of an exposure that fell into a later phase of its experiment: shares had changed.
PHASE = "phase"
# Its value where the phase of the first answer cannot be known: no experiment has so many phases.
# Stored; never change it.
UNKNOWN_PHASE = 32_767
# Browser clocks are wrong; the time of an event further ahead than this is meaningless.
# A click earlier than its exposure by more is not a clock error: it is impossible.
MAX_AHEAD = timedelta(minutes=10)
# Two of each weekday, and recent enough to describe today's visitors.
PRE_PERIOD = timedelta(days=14)
