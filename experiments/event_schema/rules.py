"""Constants of the counting rules, shared by ingestion, rollups and the warehouse query."""

from datetime import timedelta

# Attribute of an exposure that fell into a later phase of its experiment: shares had changed.
PHASE = "phase"


# Two of each weekday, and recent enough to tell of the visitor who comes today.
PRE_PERIOD = timedelta(days=14)
