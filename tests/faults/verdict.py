"""What every fault must leave behind."""


def check(fleet, load):
    """Whatever was acknowledged is there, once; nothing came from nowhere; the sums are right."""
    result = fleet.outcome()
    stored = set(result["ids"])
    assert len(stored) == len(result["ids"])
    assert load.acknowledged - stored == set()
    assert stored - load.acknowledged - load.given_up == set()
    assert result["is_folded_as_recounted"], result["differences"]
    assert result["is_rebuilt_as_folded"]
    assert result["visitors"] > 0
    print(  # noqa: T201  -s shows what a long run went through
        f"\n{len(load.acknowledged):,} events acknowledged, {len(stored):,} stored, "
        f"{dict(load.statuses)} answers (0: none), the longest after {load.longest_s:.1f} s"
    )
