# Django finds models only through this module.
from experiments.models.access import (
    AccessRecord,
    FormerClientKey,
    Membership,
    ServerKey,
    SnippetSighting,
)
from experiments.models.approval import Approval
from experiments.models.catalogue import (
    CTA,
    Audience,
    CTAWording,
    Namespace,
    Slot,
    Tag,
)
from experiments.models.events import (
    Burst,
    ConversionOrder,
    Event,
    EventIntake,
    Exclusion,
    PendingBatch,
    SenderCount,
    VisitorDay,
    VisitorOutcome,
)
from experiments.models.experiment import Experiment, Variant
from experiments.models.guardrail import GoalRollup, Guardrail, SecondaryMetric
from experiments.models.history import HistoryArm, Learning, PastTest
from experiments.models.lifecycle import Change, Decision, Phase, RampStep
from experiments.models.operations.annotation import Annotation
from experiments.models.operations.comment import Comment
from experiments.models.operations.edit import Edit
from experiments.models.operations.frozen_arm import CacheWatch
from experiments.models.operations.frozen_report import FrozenReport, ShareLink
from experiments.models.operations.interaction import Interaction
from experiments.models.operations.jobs import Heartbeat, Job, TaskRun, Upload
from experiments.models.operations.notices import (
    Delivery,
    Notice,
    NoticeChoice,
    NoticeRead,
    Webhook,
)
from experiments.models.operations.retention import (
    BackupRecord,
    ConfigRevision,
    ErasedVisitor,
    EventDrop,
    SecretDigest,
    SiteSecret,
)
from experiments.models.rollup import CurrencyRollup, Rollup, RollupCheck, Standing
from experiments.models.site import Site
from experiments.models.wizard import ExperimentTemplate, Typed, TypedCTA, TypedExperiment

__all__ = [
    "CTA",
    "AccessRecord",
    "Annotation",
    "Approval",
    "Audience",
    "BackupRecord",
    "Burst",
    "CTAWording",
    "CacheWatch",
    "Change",
    "Comment",
    "ConfigRevision",
    "ConversionOrder",
    "CurrencyRollup",
    "Decision",
    "Delivery",
    "Edit",
    "ErasedVisitor",
    "Event",
    "EventDrop",
    "EventIntake",
    "Exclusion",
    "Experiment",
    "ExperimentTemplate",
    "FormerClientKey",
    "FrozenReport",
    "GoalRollup",
    "Guardrail",
    "Heartbeat",
    "HistoryArm",
    "Interaction",
    "Job",
    "Learning",
    "Membership",
    "Namespace",
    "Notice",
    "NoticeChoice",
    "NoticeRead",
    "PastTest",
    "PendingBatch",
    "Phase",
    "RampStep",
    "Rollup",
    "RollupCheck",
    "SecondaryMetric",
    "SecretDigest",
    "SenderCount",
    "ServerKey",
    "ShareLink",
    "Site",
    "SiteSecret",
    "Slot",
    "SnippetSighting",
    "Standing",
    "Tag",
    "TaskRun",
    "Typed",
    "TypedCTA",
    "TypedExperiment",
    "Upload",
    "Variant",
    "VisitorDay",
    "VisitorOutcome",
    "Webhook",
]
