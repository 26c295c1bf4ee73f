# Programs of their own, which start Django with a clock that stands: nothing imports them.
collect_ignore_glob = ["steps/*"]
