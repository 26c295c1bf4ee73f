"""Known vulnerabilities of the locked packages: `python -m tests.audit`.

Asks pip-audit, which asks the package index or OSV. Exit status 0: none known; 1: some are; 2: the
data could not be had, and nothing is known.
"""

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

LOCK = Path(__file__).resolve().parents[1] / "requirements.lock"
SERVICES = ("pypi", "osv")


def pins(text):
    """Return the lines `name==version ; marker` of a lock, without hashes."""
    return [line.rstrip(" \\") for line in text.splitlines() if re.match(r"[a-zA-Z0-9]\S*==", line)]


def ask(service, requirements):
    """Return pip-audit's findings of a service; None if it has no answer."""
    command = ["-m", "pip_audit", "--requirement", str(requirements), "--no-deps", "--disable-pip"]
    options = ["--vulnerability-service", service, "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(
        [sys.executable, *command, *options], capture_output=True, text=True, check=False
    )
    try:
        found = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        lines = done.stderr.strip().splitlines() or ["no answer"]
        sys.stderr.write(f"{service}: {lines[-1]}\n")
        return None
    if all("skip_reason" in row for row in found):
        reason = found[0]["skip_reason"] if found else "no package"
        sys.stderr.write(f"{service}: {reason}\n")
        return None
    return found


def main(ask=ask):
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder) / "requirements.txt"
        requirements.write_text("\n".join(pins(LOCK.read_text())) + "\n")
        found = next((one for service in SERVICES if (one := ask(service, requirements))), None)
    if found is None:
        sys.stderr.write("audit: The data could not be had: nothing is known.\n")
        return 2
    known = [(row, one) for row in found for one in row.get("vulns", [])]
    for row, one in known:
        fixed = ", ".join(one["fix_versions"]) or "no release yet"
        sys.stdout.write(f"{row['name']} {row['version']}: {one['id']}, fixed in {fixed}\n")
    skipped = [row["name"] for row in found if "skip_reason" in row]
    sys.stdout.write(f"{len(found) - len(skipped)} packages looked up, {len(known)} findings.\n")
    for name in skipped:
        sys.stdout.write(f"{name}: not looked up.\n")
    return int(bool(known))


if __name__ == "__main__":
    sys.exit(main())
