"""Findings of the doctor: one sentence on each subject, and what mends it."""

import enum
from dataclasses import dataclass


class Severity(enum.IntEnum):
    """Weight of a finding; the heaviest decides the exit status."""

    SKIPPED = 0
    OK = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Result of one check.

    Attributes:
        subject: Name of what was looked at; scripts may rely on it.
        severity: Weight.
        text: The finding, in a sentence.
        remedy: The step that mends it; empty if there is nothing to do.
    """

    subject: str
    severity: Severity
    text: str
    remedy: str = ""


def ok(subject: str, text: str) -> Finding:
    return Finding(subject=subject, severity=Severity.OK, text=text)


def skipped(subject: str, text: str) -> Finding:
    return Finding(subject=subject, severity=Severity.SKIPPED, text=text)


def warning(subject: str, text: str, remedy: str) -> Finding:
    return Finding(subject=subject, severity=Severity.WARNING, text=text, remedy=remedy)


def error(subject: str, text: str, remedy: str) -> Finding:
    return Finding(subject=subject, severity=Severity.ERROR, text=text, remedy=remedy)
