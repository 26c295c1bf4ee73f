"""Licences of the installed packages: `python -m tests.licences` lists them.

The service is under Apache-2.0. Its packages are installed beside it, not copied into it:
permissive licences and those with weak copyleft (MPL, LGPL) go with that; GPL, AGPL and
proprietary ones do not.
"""

import re
import sys
from importlib.metadata import distributions

ACCEPTED = re.compile(
    r"apache|\bmit\b|mit-0|bsd|\bisc\b|isc license|psf|python software foundation|mpl|mozilla|"
    r"\blgpl|lesser general public|0bsd|zlib|cc0|bsl-1\.0|cnri-python|unlicense|hpnd",
    re.IGNORECASE,
)


def packages():
    """Return name, version and licence of every installed package, by name."""
    found = {(one.metadata["Name"], one.version, _licence(one.metadata)) for one in distributions()}
    return sorted(found, key=lambda row: row[0].lower())


def refused():
    """Return the packages whose licence does not fit, or which name none."""
    return [row for row in packages() if not _fits(row[2])]


def _licence(metadata):
    """Return the SPDX expression, or else the classifiers as alternatives, or the first line."""
    if expression := metadata.get("License-Expression"):
        return expression
    classifiers = [
        one.split(" :: ")[-1]
        for one in metadata.get_all("Classifier") or []
        if one.startswith("License ::") and one != "License :: OSI Approved"
    ]
    lines = (metadata.get("License") or "").strip().splitlines()
    return " OR ".join(classifiers) or (lines[0] if lines else "")


def _fits(licence):
    """Return whether each part of an expression has an alternative that is accepted."""
    parts = licence.replace("(", " ").replace(")", " ").split(" AND ")
    return all(any(ACCEPTED.search(choice) for choice in part.split(" OR ")) for part in parts)


def main():
    for name, version, licence in packages():
        sys.stdout.write(f"{name} {version}: {licence or 'no licence named'}\n")
    bad = refused()
    for name, _, licence in bad:
        sys.stderr.write(f"{name}: {licence or 'no licence'} does not go with Apache-2.0.\n")
    return int(bool(bad))


if __name__ == "__main__":
    sys.exit(main())
