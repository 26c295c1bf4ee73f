"""Configuration of the log: one handler for all loggers, as lines or as JSON."""

import logging
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from pythonjsonlogger.json import JsonFormatter

from ctaopt.observability.log_privacy import masked
from ctaopt.observability.request_ids import request_id

FORMATS = ("line", "json")
LINE = "%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s"
# Names of the JSON's fields; programs read them: never rename.
FIELDS = {"levelname": "level", "name": "logger"}
FIELDS_OF_RECORDS = ("levelname", "name", "message", "request_id", "process")
# What Django adds to its records and nobody can read in JSON.
LEFT_OUT = ("request", "server_time")


class RequestIdFilter(logging.Filter):
    """Adds the id of the request, or of the task, in which a record was made."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not hasattr(record, "request_id"):
            record.request_id = request_id.get()
        return True


class RefusalFilter(logging.Filter):
    """Takes the traceback out of a record about an answer that refuses, such as 403."""

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True


class LineFormatter(logging.Formatter):
    """One line, then the traceback; without personal data."""

    def format(self, record: logging.LogRecord) -> str:
        return masked(super().format(record))


class JSONFormatter(JsonFormatter):
    """One JSON object a line; without personal data."""

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        return {
            name: masked(value) if isinstance(value, str) else value
            for name, value in log_data.items()
            if name not in LEFT_OUT
        }


def logging_config(log_format: str) -> dict[str, Any]:
    """Return the value of LOGGING for `CTAOPT_LOG_FORMAT`.

    Raises:
        ImproperlyConfigured: If the format does not exist.
    """
    if log_format not in FORMATS:
        raise ImproperlyConfigured(
            f"CTAOPT_LOG_FORMAT: {log_format!r} is none of {', '.join(FORMATS)}."
        )
    here = __name__
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "line": {"()": f"{here}.LineFormatter", "format": LINE},
            "json": {
                "()": f"{here}.JSONFormatter",
                "fmt": FIELDS_OF_RECORDS,
                "rename_fields": FIELDS,
                "timestamp": "time",
            },
        },
        "filters": {
            "request_id": {"()": f"{here}.RequestIdFilter"},
            "refusals": {"()": f"{here}.RefusalFilter"},
            "floods": {"()": "ctaopt.observability.log_floods.FloodFilter"},
        },
        "handlers": {
            "console": {
                "class": "logging.StreamHandler",
                "formatter": log_format,
                # A filter of the handler acts on the records of all loggers.
                "filters": ["request_id", "refusals", "floods"],
            }
        },
        "root": {"handlers": ["console"], "level": "INFO"},
        # Those of the server and of Django have handlers of their own.
        "loggers": {
            name: {"handlers": [], "propagate": True, "level": "INFO"}
            for name in ("_granian", "granian.access", "django", "django.server")
        },
    }
