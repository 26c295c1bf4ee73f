"""Names that an installation has stored: written here by hand, from commit df7843e.

A test that fails here says that a rename has reached something that lies in databases, folders,
queues, links or browsers. Undo it there; change a value here only with a migration of what is
stored.
"""

import re
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import get_args
from uuid import UUID

import pytest
import time_machine
from celery import current_app
from django.apps import apps
from django.conf import settings
from django.db import models

import ctaopt_django.visit
from ctaopt.settings.secret import checked_secret_key
from experiments.api.public import fragment, page_context
from experiments.api.v1.rankings import RankingSerializer
from experiments.event_schema.ids import stored_id
from experiments.models import CTA, Event
from experiments.services.catalogue.keyed_digests import keyed_digest
from experiments.services.catalogue.server_keys import server_key_digest
from experiments.services.events import (
    arrow_rows,
    parquet_files,
    partitions,
    redis_stream,
    store,
    suppression_list,
)
from experiments.services.installation import secret_identity, start_guard
from experiments.services.learning.history_import import _arm
from experiments.services.operations import site_transfer, transfer_seal
from experiments.services.rollups import postgres_fold
from experiments.services.rollups.visitor_outcome import segments_of
from experiments.services.serving import preview_links
from ml.application.predictions import token as scoring_token
from ml.checkpoints import Checkpoints
from ml.distillation.student import Student
from ml.encoders import int8_encoder, sentence_encoder
from ml.encoders.cache import CachedEncoder, _key
from ml.fine_tuning.early_stopping import TrainingTrace
from ml.history.row import HistoryRow
from ml.presentation import finding_messages, messages
from ml.scoring import artifacts
from ml.scoring.applicability import Domain
from ml.scoring.calibration import Calibration
from ml.scoring.context import Factor, RankingRequest
from ml.scoring.context_offsets import ContextOffset
from ml.scoring.similar_wordings import PastWording
from ml.strategies import candidates
from ml.strategies.no_text import NoText

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)

TABLES = {
    "experiments_accessrecord",
    "experiments_annotation",
    "experiments_audience",
    "experiments_cachewatch",
    "experiments_change",
    "experiments_comment",
    "experiments_configrevision",
    "experiments_cta",
    "experiments_cta_tags",
    "experiments_ctawording",
    "experiments_edit",
    "experiments_erasedvisitor",
    "experiments_event",
    "experiments_eventdrop",
    "experiments_experiment",
    "experiments_experiment_tags",
    "experiments_experimenttemplate",
    "experiments_formerclientkey",
    "experiments_frozenreport",
    "experiments_goalrollup",
    "experiments_guardrail",
    "experiments_historyarm",
    "experiments_job",
    "experiments_learning",
    "experiments_learning_tests",
    "experiments_namespace",
    "experiments_pasttest",
    "experiments_pendingbatch",
    "experiments_phase",
    "experiments_rampstep",
    "experiments_rollup",
    "experiments_rollupcheck",
    "experiments_serverkey",
    "experiments_sharelink",
    "experiments_site",
    "experiments_slot",
    "experiments_tag",
    "experiments_variant",
    "experiments_visitorday",
    "experiments_visitoroutcome",
    "ml_predictorversion",
}
METRICS = [
    *("click_rate", "conversion_rate", "value_per_visitor"),
    *("value_per_click", "conversions_per_visitor"),
]
CHOICES = {
    "AccessRecord.kind": [
        *("key_made", "key_rotated", "key_revoked", "key_deleted"),
        *("client_rotated", "client_ended", "erased"),
    ],
    "CTA.form": ["button", "link", "spoken"],
    "CTA.size": ["small", "medium", "large"],
    "Change.kind": [
        *("start", "pause", "resume", "stop", "archive", "shares"),
        *("ramp", "rollback", "undo", "arm_off", "arm_on", "schedule"),
        *("guard_on", "guard_off", "proven", "days", "decide", "promote", "unpromote"),
        *("ask", "approve", "decline", "withdraw", "freeze", "share", "unshare"),
        *("annotate", "unannotate"),
    ],
    "Decision.outcome": ["winner", "control", "inconclusive", "invalid"],
    "Edit.verb": ["add", "change", "delete"],
    "Edit.way": [
        *("form", "api", "together", "undo", "copy", "wizard", "promote", "unpromote"),
        *("archive", "restore", "import"),
    ],
    "Event.type": ["exposure", "click", "conversion"],
    "Experiment.origin": ["live", "imported"],
    "Experiment.plan": ["sequential", "fixed"],
    "Experiment.primary_metric": METRICS,
    "Experiment.status": ["draft", "running", "paused", "stopped", "archived"],
    "Guardrail.metric": METRICS,
    "Job.kind": ["training", "ranking"],
    "Learning.kind": ["principle", "verb_form", "slot", "audience", "tests"],
    "PastTest.source": ["experiment", "import"],
    "PastTest.verdict": [
        *("winner", "control", "inconclusive", "invalid", "different", "open"),
    ],
    "Job.status": ["queued", "running", "done", "failed", "cancelled"],
    "PredictorVersion.status": ["candidate", "active", "retired", "rejected"],
    "SecondaryMetric.metric": METRICS,
    "SiteSecret.visitors": ["as_sent", "moving", "digests"],
    "Slot.position": ["above_fold", "in_text", "footer", "popup", "email", "spoken"],
    "VisitorOutcome.exclusion": [0, 1, 2, 3, 4, 5],
}
TASKS = {
    "check-interactions": "experiments.tasks.check_interactions",
    "compare-rollups": "experiments.tasks.compare_rollups",
    "drop-events": "experiments.tasks.drop_events",
    "fold-rollups": "experiments.tasks.fold_rollups",
    "keep-past-tests": "experiments.tasks.keep_past_tests",
    "keep-meaning-index": "experiments.tasks.keep_meaning_index",
    "keep-standings": "experiments.tasks.keep_standings",
    "make-event-partitions": "experiments.tasks.make_event_partitions",
    "rebuild-past-tests": "experiments.tasks.rebuild_past_tests",
    "retrain-when-due": "experiments.tasks.retrain_when_due",
    "revive-jobs": "experiments.tasks.revive_jobs",
    "stop-planned-experiments": "experiments.tasks.stop_planned_experiments",
    "tend-experiments": "experiments.tasks.tend_experiments",
    "warn-of-ending-keys": "experiments.tasks.warn_of_ending_keys",
    "watch-experiments": "experiments.tasks.watch_experiments",
    "watch-for-frozen-arms": "experiments.tasks.watch_for_frozen_arms",
}
# As lists of events lie in Redis: by position, so the order counts, too.
EVENT_ROW = [
    *("event_id", "site_id", "type", "visitor", "experiment_id", "variant_id", "propensity"),
    *("goal", "value", "currency", "attributes", "occurred_at", "received_at", "flags", "sender"),
    "order",
]
PARQUET = {
    **dict.fromkeys(["site", "event_id", "type", "visitor"], "string"),
    **dict.fromkeys(["experiment", "variant", "goal"], "string"),
    "value": "decimal128(19, 6)",
    **dict.fromkeys(["occurred_at", "received_at"], "timestamp[us, tz=UTC]"),
    **dict.fromkeys(["is_bot", "is_internal", "is_prefetched"], "bool"),
    **dict.fromkeys(["is_unexplained", "is_burst", "is_repeated", "is_late"], "bool"),
    **dict.fromkeys(["country", "device", "locale", "new_visitor", "phase"], "string"),
    "propensity": "double",
    "currency": "string",
    "order": "string",
    "is_held_out": "bool",
}
SITE_FILE = [
    *("Site", "Tag", "CTA", "CTAWording", "Audience", "Slot", "Namespace", "HistoryArm"),
    *("Experiment", "Variant", "Guardrail", "SecondaryMetric", "Phase"),
    *("RampStep", "Change"),
]
STRATEGIES = {
    *("no_text", "tfidf", "frozen_head", "frozen_layers", "random_network"),
    *("lora", "fine_tuned", "with_source", "stack"),
}
# Codes inside the stored answers of rankings.
SENTENCES = {
    *("audience_by_chance", "audience_own", "audience_shared", "audience_unknown"),
    *("control_characters", "control_refused", "damaged", "disk", "empty", "encoder"),
    *("far_from_training", "form_by_chance", "form_own", "form_shrunk", "form_unmeasured", "html"),
    *(
        "locale_assumed",
        "locale_by_chance",
        "locale_not_covered",
        "locale_own",
        "locale_unverified",
    ),
    *("mixed_scripts", "no_groups", "no_predictor", "no_student", "no_wordings", "no_words"),
    *("not_fitted", "nothing_answered", "nothing_passed", "placement_by_chance"),
    *("placement_own", "too_few_components", "too_few_groups", "too_few_pairs", "too_long"),
    *("unseen_letters", "unseen_words"),
}
STORED_CODES = {
    "TRANSFERS": {"none", "suspected", "detected"},
    "STRATEGIES": STRATEGIES,
    "SENTENCES": SENTENCES,
    "RULES": {"form", "instead_of_vague", "own_best", "possessive", "principle", "shorter", "verb"},
    "TRAIT_NAMES": {
        *("clarity", "first_person", "number", "question", "reward"),
        *("scarcity", "social_proof", "urgency", "verb_first"),
    },
    "VERB_FORM_NAMES": {"infinitive", "imperative", "imperative_familiar", "first_person"},
}
# Fields written to JSON as they are called, by the class that reads them back.
RECORDS = {
    Calibration: ["slope", "lift_slope", "lift_sd"],
    Domain: ["words", "max_unseen_share", "max_distance", "locale_groups", "audience_groups"],
    PastWording: ["text", "test", "locale", "visitors", "clicks", "lift_in_test"],
    ContextOffset: [
        *("factor", "levels", "groups", "borrowed", "penalty", "vector_weight"),
        *("plain", "vectors"),
    ],
    Student: [
        *("vectors", "reads", "reads_bias", "own", "own_pieces", "attention"),
        *("hidden", "hidden_bias", "out", "tokenizer", "words", "fidelity"),
    ],
    TrainingTrace: [
        *("seed", "planned", "taken", "kept", "watched", "withheld", "loss_before", "loss"),
    ],
    int8_encoder.About: [
        *("name", "fingerprint", "layers_fingerprint", "width", "n_layers"),
        *("is_tuned", "max_tokens"),
    ],
}


# Database


def own_models():
    return [
        model
        for label in ("experiments", "ml")
        for model in apps.get_app_config(label).get_models(include_auto_created=True)
    ]


def test_tables():
    assert {model._meta.db_table for model in own_models()} >= TABLES


def test_values_of_choices():
    found = {
        f"{model.__name__}.{field.name}": [value for value, _ in field.flatchoices]
        for model in own_models()
        for field in model._meta.get_fields()
        if isinstance(field, models.Field) and field.choices
    }
    # New ones may be added, behind the old.
    assert {name: found[name][: len(values)] for name, values in CHOICES.items()} == CHOICES


def test_principles_of_ctas():
    assert CTA.Principle.values == ["urgency", "scarcity", "reward", "social_proof", "clarity"]


def test_bits_of_flags():
    bits = {"BOT": 1, "INTERNAL": 2, "PREFETCH": 4, "UNEXPLAINED": 8, "BURST": 16}
    bits |= {"REPEATED": 32, "HELD_OUT": 64, "LATE": 128}
    assert {flag.name: int(flag) for flag in Event.Flag} == bits


def test_numbers_of_locks():
    """Old and new processes run side by side during an upgrade."""
    assert (partitions.LOCK, suppression_list.LOCK) == (5_226_311, 5_226_312)


def test_digests_of_erased_visitors_and_server_keys():
    erased = suppression_list.visitor_digest(site_id=1, visitor="v-1")
    assert erased == "13c3d9e30807ea1b0f67e261390f761a50da44b50fc9a8242dfddd3f63370441"
    key = server_key_digest("shop-server-key")
    assert key == "27f0f5c295a6442fac16676c0876473bd17930238696aeaab722026e59a34af2"


def test_digest_of_the_secret(settings):
    """The database of an installation remembers it: with another none would start."""
    settings.SECRET_KEY = "k" * 40
    digest = keyed_digest(secret_identity.SALT, secret_identity.VALUE)
    assert digest == "d81fbb7134db45bc869c2a0372f232b0510506018ea145106ad93a691df00165"
    assert start_guard.UNFINISHED_RESTORE == "restore-unfinished"


def test_digest_of_a_past_wording():
    """The same file again changes nothing: the digest tells which rows are known."""
    row = HistoryRow(test="t1", context="c", text="Go", visitors=10, clicks=1)
    digest = _arm(row, is_simulated=False).digest
    assert digest == "bb199ffa0f7202ee59a94658757597d4b26e71643cac5db95fbe9d3bf4e8f354"


def test_ids_of_events():
    found = stored_id(UUID(int=1), at=datetime(2026, 11, 22, tzinfo=UTC))
    assert found == UUID("01a2008d-7400-7f00-83ff-160886a06628")
    assert postgres_fold.HASHED == "('x' || substr(md5({visitor}), 1, 16))::bit(64)::bigint"


def test_texts_of_segments():
    attributes = {"device": "mobile", "new_visitor": True, "country": "FR", "locale": "fr"}
    found = set(segments_of(attributes))
    assert {"device=mobile", "new_visitor=true", "country=FR", "locale=fr"} <= found


def test_files_of_the_installation(tmp_path, pytestconfig):
    """Every digest and link depends on the secret."""
    checked_secret_key("", data_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]
    base = (pytestconfig.rootpath / "ctaopt" / "settings" / "base.py").read_text()
    assert "sqlite:///{DATA_DIR / 'ctaopt.sqlite3'}" in base


# Queues and streams


def test_names_of_tasks():
    current_app.loader.import_default_modules()
    assert {*TASKS.values(), "experiments.tasks.do_job"} <= set(current_app.tasks)
    schedule = settings.CELERY_BEAT_SCHEDULE
    assert {key: entry["task"] for key, entry in schedule.items()}.items() >= TASKS.items()


def test_files_of_broker_and_beat():
    folders = settings.CELERY_BROKER_TRANSPORT_OPTIONS
    assert folders["data_folder_in"].endswith("/broker/queue")
    assert folders["control_folder"].endswith("/broker/control")
    assert settings.CELERY_BEAT_SCHEDULE_FILENAME.endswith("/beat-schedule")


def test_names_of_the_stream():
    assert (redis_stream.PREFIX, redis_stream.GROUP) == ("ctaopt:events", "storage")
    stream = redis_stream.EventStream(client=None)
    assert stream.dead_key == "ctaopt:events:dead"
    names = (redis_stream.PAYLOAD, redis_stream.REASON, redis_stream.ENTRY)
    assert (*names, redis_stream.DELIVERIES) == (b"e", b"reason", b"entry", b"deliveries")
    assert list(store.EventRow.__struct_fields__) == EVENT_ROW
    assert store.EventRow.__struct_config__.array_like


# Files of a site


def test_files_of_events():
    assert (parquet_files.FORMAT, parquet_files.MANIFEST) == ("ctaopt-events-1", "_manifest.json")
    assert (transfer_seal.FORMAT, transfer_seal.SEAL) == ("ctaopt-seal-1", "_seal.json")
    assert transfer_seal.SEALED == ("_catalogue.jsonl", "_manifest.json", "_secret.json")
    manifest, file = parquet_files.Manifest, parquet_files.DayFile
    assert list(manifest.__struct_fields__) == ["format", "site", "days"]
    assert list(file.__struct_fields__) == ["day", "path", "rows", "newest", "sha256"]
    assert {field.name: str(field.type) for field in arrow_rows.SCHEMA} == PARQUET


def test_file_of_a_catalogue():
    assert site_transfer.CATALOGUE == "_catalogue.jsonl"
    moved = [model._meta.label for model in site_transfer.TO_THE_SITE]
    assert [name for name in moved if name.removeprefix("experiments.") in SITE_FILE] == [
        f"experiments.{name}" for name in SITE_FILE
    ]


# Links, cookies, browsers


def test_preview_link_of_the_old_code_opens():
    token = "WzEsImhlcm8iLDJd:1xV6Ei:gIu2nDMLCaR0UX86S_CSSZUNFtCp6b8Fhwvt9Heen1k"  # noqa: S105
    with time_machine.travel(NOW, tick=False):
        found = preview_links.signing.loads(token, salt=preview_links.SALT, max_age=60)
    assert found == [1, "hero", 2]
    assert (preview_links.PARAMETER, page_context.PREVIEW) == ("ctaopt_preview", "ctaopt_preview")


def test_secret_between_web_and_scoring_service():
    assert scoring_token() == "4b01dd5d3215c408c1075d5876c64dfb1fadd8418ebe7685335414a371625336"


def test_cookie_of_the_visitor():
    assert (fragment.COOKIE, ctaopt_django.visit.COOKIE) == ("ctaopt_visitor", "ctaopt_visitor")


def test_names_in_the_browser(pytestconfig):
    source = pytestconfig.rootpath / "sdk" / "src"
    storage = (source / "storage.js").read_text()
    assert 'const PREFIX = "ctaopt.";' in storage
    cookie = (source / "cookie.js").read_text()
    assert set(re.findall(r"\b(\w+)=(?=\(|\$\{id\})", cookie)) == {"ctaopt_visitor"}
    text = "\n".join(path.read_text() for path in sorted(source.rglob("*.js")))
    found = set(re.findall(r'\b(?:read|write|recall|store)\(\s*"(\w+)"|PREFIX \+ "(\w+)"', text))
    assert {one or other for one, other in found} == {"visitor", "since", "flags", "outbox"}


# Predictors


def test_files_of_a_predictor():
    names = artifacts
    assert names.FORMAT == 2
    assert (names.MANIFEST, names.CARD) == ("manifest.json", "MODEL_CARD.md")
    assert (names.TENSORS, names.WORDS) == ("tensors.safetensors", "words.json")
    assert (names.PAST, names.DOMAIN) == ("past.json", "domain.json")
    assert (names.STUDENT, names.STUDENT_TENSORS) == ("student.json", "student.safetensors")
    # Its factors are called offsets in the code; what is stored keeps its name.
    assert names.DEPARTURES == "departures.json"
    copy = (int8_encoder.GRAPH, int8_encoder.TOKENIZER, int8_encoder.ABOUT)
    assert copy == ("encoder-int8.onnx", "tokenizer.json", "encoder-int8.json")


def test_tensors_of_a_predictor():
    prefixes = (artifacts.PAST_VECTORS, artifacts.STRATEGY_PREFIX, artifacts.DEPARTURE_PREFIX)
    assert prefixes == ("past.vectors", "strategy.", "departure.")
    assert list(artifacts.STUDENT_WEIGHTS) == RECORDS[Student][:9]
    assert set(get_args(Factor)) == {"audience", "locale", "form", "placement"}


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_fields_of_stored_records(kind):
    assert [field.name for field in fields(kind)] == RECORDS[kind]


def test_keys_of_strategies():
    made = set(candidates._makers(lambda: None)) | {"with_source"}
    assert made == STRATEGIES
    assert NoText().name == "no_text"


@pytest.mark.parametrize("name", STORED_CODES)
def test_codes_in_stored_answers(name):
    """A stored answer is put into words when its page is shown."""
    home = messages if hasattr(messages, name) else finding_messages
    assert set(getattr(home, name)) >= STORED_CODES[name]


def test_keys_of_a_job_that_waits():
    stored = {
        "wordings": ["Go", "Send"],
        "control": "Go",
        "site": "shop",
        "audience": "new",
        "locale": "en",
        "form": "link",
        "placement": "footer",
    }
    read = RankingRequest.from_fields(stored)
    assert (read.wordings, read.control) == (("Go", "Send"), "Go")
    assert asdict(read.context) == {name: stored[name] for name in list(stored)[3:]}
    assert set(RankingSerializer().fields) >= set(stored) - {"site"}


def test_names_of_checkpoints_and_vectors(tmp_path):
    class Encoder:
        name, fingerprint, dimension = "none", "f" * 64, 1

    Checkpoints(tmp_path, key="k").keep("step", lambda: [0.5])
    assert (tmp_path / "k" / "step.safetensors").is_file()
    assert CachedEncoder(Encoder(), tmp_path)._path.name == f"embeddings-{'f' * 16}.safetensors"
    assert _key("Go").hex() == "0c7fcd54be7e8e6e7712bbb623db5b2b"
    assert sentence_encoder.WEIGHTS == "model.safetensors"
    assert settings.CTAOPT_MODEL_DIR.name == "models"
