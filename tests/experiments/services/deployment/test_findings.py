from experiments.services.deployment.findings import Severity, error, ok, skipped, warning


def test_heavier_findings_are_greater():
    kinds = (skipped("a", "t"), ok("a", "t"), warning("a", "t", "r"), error("a", "t", "r"))
    assert [row.severity for row in kinds] == sorted(Severity)
    assert [row.remedy for row in kinds] == ["", "", "r", "r"]
