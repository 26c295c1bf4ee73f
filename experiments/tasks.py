"""Celery tasks: load, call a service, log."""

import logging

from celery import shared_task
from django.conf import settings
from django.utils import timezone

from accounts.retention import drop_ended_sessions, drop_old_records
from accounts.second_factor import renew_encryption
from experiments.models import Job
from experiments.services.archive import keeping, meaning
from experiments.services.events import partitions
from experiments.services.events.suppression_list import forget_tombstones
from experiments.services.importing.imports import import_in_job
from experiments.services.importing.uploads import drop_uploads as drop_old_uploads
from experiments.services.learning.jobs import expire_hopeless_jobs, revive_silent_jobs, run_job
from experiments.services.learning.ranking import rank_in_job
from experiments.services.learning.training import start_due_training, train
from experiments.services.lifecycle import schedules
from experiments.services.notices import delivery, retention
from experiments.services.operations import (
    auto_rollback,
    burst_search,
    interactions,
    key_expiry,
    planned_end,
    proofs,
)
from experiments.services.operations.event_retention import drop_old_events
from experiments.services.operations.frozen_arm_watch import watch_caches
from experiments.services.reporting import standings
from experiments.services.rollups.folding import fold_pending
from experiments.services.rollups.reconciliation import check_rollups
from ml import predict

logger = logging.getLogger(__name__)
WORK = {
    Job.Kind.TRAINING: train,
    Job.Kind.RANKING: rank_in_job,
    Job.Kind.IMPORT: import_in_job,
}

# The names of tasks are in queues; never rename.


@shared_task
def fold_rollups() -> None:
    """Count the events that wait. Beat calls it every few seconds."""
    folded = fold_pending()
    if folded:
        logger.info("folded %s events", folded)


@shared_task
def watch_for_frozen_arms() -> None:
    """Weigh the hours that have ended. Beat calls it every ten minutes."""
    for watch in watch_caches(now=timezone.now()):
        logger.error(
            "experiment %s: one arm is frozen: a cache between you and the visitor?",
            watch.experiment.key,
        )


@shared_task
def drop_events() -> None:
    """Drop events that are kept no longer, and forget old erasures. Beat calls it at night."""
    now = timezone.now()
    forget_tombstones(now=now)
    burst_search.forget_senders(now=now)
    if settings.CTAOPT_EVENT_DAYS:
        drop = drop_old_events(now=now, keep_days=settings.CTAOPT_EVENT_DAYS)
        logger.info("dropped %s events of before %s", drop.n_events, drop.before)


@shared_task
def compare_rollups() -> None:
    """Compare every rollup with a count of the events. Beat calls it at night."""
    for check in check_rollups(now=timezone.now()):
        logger.error(
            "experiment %s: %s rows of rollups are not what the events give; rebuild_rollups "
            "counts them again",
            check.experiment.key,
            check.n_differing,
        )


@shared_task
def make_event_partitions() -> None:
    """Have a partition ready for every day that an event may name. Beat calls it every hour."""
    made = partitions.make_event_partitions(now=timezone.now())
    if made:
        logger.info("made event partitions up to %s", made[-1])


@shared_task
def tend_experiments() -> None:
    """Start, ramp and stop what is due. Beat calls it every minute."""
    tended = schedules.tend_experiments(now=timezone.now())
    for what in ("started", "not_started", "ramped", "stopped"):
        for key in getattr(tended, what):
            logger.info("experiment %s: %s as planned", key, what)


@shared_task
def stop_planned_experiments() -> None:
    """Record proofs; stop what has reached its plan, if chosen. Beat calls it every hour."""
    for experiment, arm in proofs.record_proofs(now=timezone.now()):
        logger.info("experiment %s: arm %s is proven", experiment.key, arm)
    for experiment in planned_end.stop_planned_experiments(now=timezone.now()):
        logger.info("experiment %s: stopped at the end of its plan", experiment.key)


@shared_task
def keep_standings() -> None:
    """Compute verdicts and traffic for the first page, the oldest first. Beat calls it often."""
    kept = standings.keep_standings(now=timezone.now())
    if kept:
        logger.debug("computed the standing of %s experiments", kept)


@shared_task
def keep_past_tests() -> None:
    """Take into the archive what finished or was imported. Beat calls it every minute."""
    kept = keeping.keep_past_tests(now=timezone.now())
    if kept:
        logger.info("kept %s past tests", kept)


@shared_task
def keep_meaning_index() -> None:
    """Take what is new of the archive into the search by meaning. Beat calls it every minute."""
    try:
        indexed = meaning.keep_meaning_index()
    except predict.PredictorError as error:
        logger.warning("no search by meaning: %s", error)
        return
    if indexed is not None:
        logger.info("past tests are found by the meaning of %s texts", indexed)


@shared_task
def rebuild_past_tests() -> None:
    """Make the archive anew: late conversions, new names and tags. Beat calls it at night."""
    logger.info("made %s past tests anew", keeping.rebuild_past_tests(now=timezone.now()))


@shared_task
def check_interactions() -> None:
    """Search for interactions between live experiments. Beat calls it at night."""
    for row in interactions.check_interactions(now=timezone.now()):
        logger.warning("experiment %s: interaction %s", row.experiment.key, row)


@shared_task
def find_bursts() -> None:
    """Leave out what few senders sent in a burst. Beat calls it every minute."""
    for burst in burst_search.find_bursts(now=timezone.now()):
        logger.warning(
            "experiment %s: %s of %s new visitors of %s came from %s senders; left out",
            *(burst.experiment.key, burst.visitors, burst.all_visitors, burst.day, burst.n_senders),
        )


@shared_task
def watch_experiments() -> None:
    """Roll back what raises an alarm. Beat calls it every few minutes."""
    for experiment in auto_rollback.watch_experiments(now=timezone.now()):
        reason = experiment.rollback_reason or "single arms"
        logger.warning("rolled back %s: %s", experiment.key, reason)


@shared_task
def warn_of_ending_keys() -> None:
    """Name the keys that end soon and would be missed. Beat calls it every morning."""
    for ending in key_expiry.ending_keys(now=timezone.now()):
        logger.warning("%s", key_expiry.ending_in_words(ending))


@shared_task
def revive_jobs() -> None:
    """Have the work of killed workers done again. Beat calls it every minute."""
    now = timezone.now()
    hopeless = expire_hopeless_jobs(now=now)
    if hopeless:
        logger.warning("gave up %s jobs", hopeless)
    for pk in revive_silent_jobs(now=now):
        logger.warning("job %s was interrupted and is done again", pk)
        do_job.delay(pk)


@shared_task
def do_job(pk: int) -> None:
    """Run a training or ranking job; torch is loaded here and never in the web process."""
    run_job(pk=pk, work=WORK)


@shared_task
def retrain_when_due() -> None:
    """Train at night, once enough new tests have finished."""
    job = start_due_training(now=timezone.now())
    if job is not None:
        logger.info("job %s trains on what finished since the last training", job.pk)
        do_job.delay(job.pk)


@shared_task
def drop_uploads() -> None:
    """Delete uploaded files that nobody imports. Beat calls it every hour."""
    dropped = drop_old_uploads(now=timezone.now())
    if dropped:
        logger.info("dropped %s uploads that nobody confirmed", dropped)


@shared_task
def deliver_notices() -> None:
    """Send what waits to people and webhooks. Beat calls it every few seconds."""
    sent = delivery.deliver_notices()
    if sent:
        logger.info("sent %s notices", sent)


@shared_task
def drop_notices() -> None:
    """Drop notices that nobody reads any more. Beat calls it at night."""
    dropped = retention.drop_old_notices(now=timezone.now())
    if dropped:
        logger.info("dropped %s old notices", dropped)


@shared_task
def drop_log_ins() -> None:
    """Drop what is old of the log of log-ins, ended sessions, counters. Beat calls it at night."""
    dropped = drop_old_records(now=timezone.now(), days=settings.CTAOPT_LOG_IN_DAYS)
    if dropped:
        logger.info("dropped %s old records of log-ins", dropped)
    drop_ended_sessions()
    if renewed := renew_encryption():
        logger.info("encrypted %s second factors with the present secret", renewed)
