"""Constants of the counting rules, shared by ingestion, rollups and the warehouse query."""

from datetime import timedelta

# Attribute of an exposure that fell into a later phase of its experiment: shares had changed.
PHASE = "phase"
# Clocks of browsers are wrong; an event further ahead than this says nothing about when it was.
# A click earlier than its exposure by more is no clock: it is impossible.
MAX_AHEAD = timedelta(minutes=10)
# Two of each weekday, and recent enough to tell of the visitor who comes today.
PRE_PERIOD = timedelta(days=14)
