"""Calls made at the same moment."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from django.db import connection


def in_threads(*calls):
    """Run the calls at once, each with its own connection; return what each gave or raised."""
    together = Barrier(len(calls))

    def run(call):
        together.wait(timeout=240)
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        futures = [pool.submit(run, call) for call in calls]
    return [future.exception() or future.result() for future in futures]
