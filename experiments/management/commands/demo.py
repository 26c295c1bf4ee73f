"""The whole service on one machine, with demo data: what `make demo` runs."""

import http.client
import sys
from datetime import UTC, datetime
from time import monotonic, sleep
from typing import Any, NoReturn

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from experiments.management.preflight import (
    HOST,
    LOCK,
    check_folder,
    check_port,
    free_port,
    take_lock,
)
from experiments.management.processes import Child, Children
from experiments.management.signals import StopRequest, stop_requests
from experiments.models import Experiment
from experiments.selectors import reports
from experiments.services.operations.demo_data import (
    LIVE_TEST_DAYS,
    USER,
    live_test_without_visitors,
    load_demo,
)
from ml.predict import active_summary

# On a machine that is busy with something else.
START_TIMEOUT_S = 180.0
POLL_S = 0.1
WEB = "web server"
STREAM = "stream of changes"
WORKER = "worker"
SCORING = "scoring service"
VISITORS = "visitors"
TRAINING = "training"
# One worker that serves from memory, and Django beside it.
WEB_COMMAND = ("ctaopt.serve", "--host", HOST, "--workers", "1")
# Open pages wait here for changes, away from the workers that serve.
STREAM_COMMAND = (
    *("granian", "--interface", "asgi", "--host", HOST, "--http", "1", "--no-ws"),
    *("--workers", "1", "--backpressure", "1000", "ctaopt.asgi:application"),
)
STREAM_PATH = "/ofrep/v1/stream"
# Threads share one encoder in memory and stop at once. Alone on its broker, the worker has nobody
# to gossip with; below WARNING it would write a line for every task.
WORKER_COMMAND = (
    *("celery", "--app", "ctaopt.celery", "worker", "--beat", "--pool", "threads"),
    *("--loglevel", "WARNING"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
)


class Command(BaseCommand):
    help = "Serve the demo on this machine; stays in the foreground until Ctrl-C."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument(
            "--visitors",
            type=int,
            default=8_000,
            help="simulated visitors of the live experiment, sent once; 0 for none",
        )
        parser.add_argument(
            "--without-predictor", action="store_true", help="start without training one"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        if not settings.CTAOPT_DEMO:
            raise CommandError(
                "The demo has settings of its own: start it with `make demo`, "
                "or set DJANGO_SETTINGS_MODULE=ctaopt.settings.demo."
            )
        check_port(options["port"])
        check_folder(settings.DATA_DIR)
        address = f"http://{HOST}:{options['port']}"
        with take_lock(settings.DATA_DIR / LOCK, address=address), stop_requests():
            children = Children(folder=settings.BASE_DIR, log_dir=settings.DATA_DIR / "logs")
            try:
                self._prepare()
                if not options["without_predictor"]:
                    self._train(children)
                self._serve(children, port=options["port"], visitors=options["visitors"])
            except StopRequest:
                self._print("Stopping.")
            finally:
                children.stop()
        self._print("Stopped.")

    def _print(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _prepare(self) -> None:
        self._print(f"Data folder: {settings.DATA_DIR}")
        self._print("Database: applying migrations.")
        call_command("migrate", verbosity=0, interactive=False)
        self._print("Static files: collecting.")
        call_command("collectstatic", verbosity=0, interactive=False)
        loaded = load_demo(work_dir=settings.DATA_DIR, now=datetime.now(UTC))
        self._print("Demo data: loaded." if loaded else "Demo data: there already.")

    def _train(self, children: Children) -> None:
        """Train once, in a process of its own: this one never loads torch."""
        if active_summary() is not None:
            self._print("Predictor: trained already.")
            return
        self._print("Predictor: training on the archive of past tests, half a minute or more.")
        child = children.start(TRAINING, [sys.executable, "manage.py", "train_predictor"])
        while child.is_running():
            sleep(POLL_S)
        status, summary = children.collect(child), active_summary()
        if status == 0 and summary is not None:
            self._print(f"Predictor: {summary['strategy_name']} passed the gate; see {child.log}.")
        else:
            # The rest of the service does not need it, and says where it is missing.
            self._print(f"Predictor: none can be served; see {child.log}.")

    def _serve(self, children: Children, *, port: int, visitors: int) -> None:
        self._print("Starting the worker, the scoring service, the web server and the stream.")
        children.start(SCORING, [sys.executable, "manage.py", "serve_scoring"])
        address = {"CTAOPT_PUBLIC_URL": f"http://{HOST}:{port}"}
        children.start(WORKER, [sys.executable, "-m", *WORKER_COMMAND], environment=address)
        stream_port = free_port()
        children.start(STREAM, [sys.executable, "-m", *STREAM_COMMAND, "--port", str(stream_port)])
        children.start(
            WEB,
            [sys.executable, "-m", *WEB_COMMAND, "--port", str(port)],
            environment={"CTAOPT_STREAM_URL": f"http://{HOST}:{stream_port}{STREAM_PATH}"},
        )
        self._wait_until_ready(children, port)
        self._show_addresses(f"http://{HOST}:{port}")
        self._send_visitors(children, f"http://{HOST}:{port}", visitors)
        while True:
            ended = children.first_dead()
            if ended is not None:
                self._collect_child(children, ended)
            sleep(POLL_S)

    def _wait_until_ready(self, children: Children, port: int) -> None:
        deadline = monotonic() + START_TIMEOUT_S
        # The page after it loads the admin and the statistics, for which nobody should wait later.
        while not (_answers(port, "/readyz") and _answers(port, reverse("home"))):
            ended = children.first_dead()
            if ended is not None:
                _report(ended, children.collect(ended))
            if monotonic() > deadline:
                raise CommandError(f"The service did not answer within {START_TIMEOUT_S:.0f} s.")
            sleep(POLL_S)

    def _show_addresses(self, url: str) -> None:
        self._print(f"\nReady. Ctrl-C stops everything.\n\n  Demo page   {url}{reverse('home')}")
        self._print(f"  Admin       {url}{reverse('admin:index')}  (log in: {USER} / {USER})")
        self._print(f"  Ranking     {url}{reverse('admin:experiments_job_rank')}")
        for experiment in reports.experiments_for_report():
            self._print(f"  Report      {url}{_report_path(experiment)}  {experiment.name}")
        self._print(f"  API         {url}{reverse('docs')}")
        self._print(f"  Logs        {settings.DATA_DIR / 'logs'}\n")

    def _send_visitors(self, children: Children, url: str, visitors: int) -> None:
        experiment = live_test_without_visitors(visitors)
        if experiment is None:
            return
        self._print(f"Sending {visitors:,} simulated visitors to {experiment.slot.key}.")
        command = ["simulate_visitors", "--url", url, "--slot", experiment.slot.key]
        since = f"{experiment.started_at:%Y-%m-%dT%H:%M:%SZ}"
        period = ["--since", since, "--days", str(LIVE_TEST_DAYS), "--visitors", str(visitors)]
        # One after the other: whoever opens the page meanwhile is served without a wait.
        argv = [sys.executable, "manage.py", *command, *period, "--threads", "1"]
        children.start(VISITORS, argv)

    def _collect_child(self, children: Children, child: Child) -> None:
        """Let the visitors go when they are through; the service cannot miss another child."""
        status = children.collect(child)
        if child.name != VISITORS:
            _report(child, status)
        text = "Simulated visitors: all came." if status == 0 else "Simulated visitors: gave up;"
        self._print(f"{text} See {child.log}.")


def _report(child: Child, status: int) -> NoReturn:
    raise CommandError(f"The {child.name} stopped (exit status {status}); see {child.log}.")


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=30)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _report_path(experiment: Experiment) -> str:
    return reverse("admin:experiments_experiment_report", args=[experiment.pk])
