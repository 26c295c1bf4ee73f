# Django finds models only through this module.
from experiments.models.access import AccessRecord, FormerClientKey, Membership, ServerKey
from experiments.models.catalogue import (
    CTA,
    Audience,
    ConfigRevision,
    CTAWording,
    Site,
    Slot,
    Tag,
)
from experiments.models.events import (
    Burst,
    Event,
    EventIntake,
    Exclusion,
    PendingBatch,
    SenderCount,
    VisitorDay,
    VisitorOutcome,
)
from experiments.models.experiment import Experiment, Namespace, Variant
from experiments.models.frozen_arm import CacheWatch
from experiments.models.guardrail import GoalRollup, Guardrail, SecondaryMetric
from experiments.models.history import HistoryArm
from experiments.models.interaction import Interaction
from experiments.models.jobs import Heartbeat, Job, TaskRun
from experiments.models.lifecycle import Change, Phase, RampStep
from experiments.models.retention import BackupRecord, ErasedVisitor, EventDrop, SecretDigest
from experiments.models.rollup import CurrencyRollup, Rollup, RollupCheck

__all__ = [
    "CTA",
    "AccessRecord",
    "Audience",
    "BackupRecord",
    "Burst",
    "CTAWording",
    "CacheWatch",
    "Change",
    "ConfigRevision",
    "CurrencyRollup",
    "ErasedVisitor",
    "Event",
    "EventDrop",
    "EventIntake",
    "Exclusion",
    "Experiment",
    "FormerClientKey",
    "GoalRollup",
    "Guardrail",
    "Heartbeat",
    "HistoryArm",
    "Interaction",
    "Job",
    "Membership",
    "Namespace",
    "PendingBatch",
    "Phase",
    "RampStep",
    "Rollup",
    "RollupCheck",
    "SecondaryMetric",
    "SecretDigest",
    "SenderCount",
    "ServerKey",
    "Site",
    "Slot",
    "Tag",
    "TaskRun",
    "Variant",
    "VisitorDay",
    "VisitorOutcome",
]
