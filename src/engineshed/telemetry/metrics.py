"""The one table of metrics: exporter, rules, boards and the reference page are made of it, and a test holds that they
agree.

Names follow Prometheus' rules: base units, `_total` on counters. Labels come from one
closed set, listed for each metric; a run's id, a partition or free text is never among them, since each value of a
label is a series for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

PREFIX = "engineshed_"

LABELS = frozenset(
    {
        "team", "code_location", "asset_group", "engine", "outcome", "error_class", "part", "transport", "state",
        "pool", "kind", "reason", "stage",
    }
)  # fmt: skip
"""All labels there are."""

OTHER = "other"
"""The value of every label of the series into which those beyond the cap are folded."""

SERIES_CAP = 5000
"""Series of one metric at most: 50 locations x 4 engines x 20 groups, and some room."""


class Kind(StrEnum):
    """Prometheus' types."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One row. `unit` is what a value counts (`seconds`, `bytes`, `usd`, or a noun); `why_buckets` says why these."""

    name: str
    kind: Kind
    unit: str
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()
    why_buckets: str = ""


_WHOSE = ("team", "code_location", "asset_group", "engine")

_MINUTES = (1.0, 5.0, 15.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 21600.0, 43200.0)
_SECONDS = (0.05, 0.1, 0.25, 0.5, 0.7, 1.0, 1.5, 3.0, 5.0, 10.0, 30.0, 60.0)
_RATIOS = (0.25, 0.5, 0.67, 0.8, 0.9, 1.0, 1.1, 1.25, 1.5, 2.0, 4.0)


def _counter(name: str, unit: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(name=f"{PREFIX}{name}_total", kind=Kind.COUNTER, unit=unit, labels=labels, help=text)


def _gauge(name: str, unit: str, labels: tuple[str, ...], text: str) -> Metric:
    return Metric(name=f"{PREFIX}{name}", kind=Kind.GAUGE, unit=unit, labels=labels, help=text)


def _histogram(
    name: str, unit: str, labels: tuple[str, ...], text: str, buckets: tuple[float, ...], why: str
) -> Metric:
    return Metric(
        name=f"{PREFIX}{name}",
        kind=Kind.HISTOGRAM,
        unit=unit,
        labels=labels,
        help=text,
        buckets=buckets,
        why_buckets=why,
    )


ATTEMPTS_STARTED = _counter("attempts_started", "attempts", _WHOSE, "Attempts whose intent was written.")
ATTEMPTS_SUBMITTED = _counter("attempts_submitted", "attempts", _WHOSE, "Attempts that their platform has taken.")
ATTEMPTS = _counter(
    "attempts",
    "attempts",
    (*_WHOSE, "outcome", "error_class"),
    "Attempts that are settled, by outcome; error_class is empty for a success.",
)
STATE_SECONDS = _histogram(
    "attempt_state_duration_seconds",
    "seconds",
    ("team", "engine", "state"),
    "Time that a settled attempt spent in a state: queued, starting, running, settling.",
    _MINUTES,
    "From a local run of a second to a night on a cluster; 60 and 180 are where a cold start should end.",
)
SUBMIT_SECONDS = _histogram(
    "submit_latency_seconds",
    "seconds",
    ("engine",),
    "From the intent to the platform's reply.",
    _SECONDS,
    "A submit is one or two calls of an API; beyond a minute it was refused and repeated.",
)
ADOPTIONS = _counter("adoptions", "attempts", ("team", "engine"), "Attempts that another worker took over.")
FAILOVERS = _counter(
    "failovers", "attempts", ("team", "engine", "error_class"), "Attempts after which the next offer was tried."
)
ESCALATIONS = _counter(
    "escalations",
    "attempts",
    ("team", "engine", "kind"),
    "Attempts after which a larger or firmer offer was asked for.",
)
CANCELS = _counter("cancels", "attempts", ("team", "engine", "reason"), "Attempts whose end was asked for.")
POLL_ERRORS = _counter("poll_errors", "errors", ("engine",), "Looks at a platform that failed and were repeated.")
BILLING_ERRORS = _counter("billing_errors", "attempts", ("engine",), "Attempts whose usage or price could not be had.")
ORPHANS_ENDED = _counter(
    "orphans_ended", "attempts", ("team", "engine", "reason"), "Runs without a living step that the reaper has ended."
)

MESSAGES = _counter("messages", "messages", ("team", "code_location", "engine", "transport"), "Messages handed on.")
MESSAGES_DUPLICATE = _counter(
    "messages_duplicate", "messages", ("transport",), "Messages that arrived again and were dropped."
)
MESSAGES_LOST = _counter(
    "messages_lost", "messages", ("transport",), "Sequence numbers that never arrived. Must stay 0."
)
MESSAGES_DAMAGED = _counter("messages_damaged", "lines", ("transport",), "Lines of a channel that were no message.")
MESSAGE_SECONDS = _histogram(
    "message_latency_seconds",
    "seconds",
    ("transport",),
    "From the driver's call to the hand-over, by the heartbeats' own times. Clocks that differ show here.",
    _SECONDS,
    "0.7 s is what we aim for, 1.5 s what we promise for 95 of 100.",
)
CHANNELS_BROKEN = _counter(
    "channels_broken", "attempts", ("transport",), "Attempts whose channel broke and was not read on."
)

COST = _counter(
    "cost_usd",
    "US dollars",
    (*_WHOSE, "part", "kind"),
    "What settled attempts cost, by part (compute, storage, surcharge) and basis (kind: estimated, metered, billed).",
)
FORECAST = _counter("forecast_usd", "US dollars", _WHOSE, "What settled attempts were forecast to cost.")
FORECAST_RATIO = _histogram(
    "forecast_error_ratio",
    "cost / forecast",
    ("team", "engine"),
    "Cost of a successful attempt over its forecast: 1 is right, 2 is twice as dear as foretold.",
    _RATIOS,
    "Even steps on both sides of 1; beyond a factor of 4 the forecast is of no use.",
)
ROWS = _counter("rows", "rows", _WHOSE, "Rows that were published.")
INPUT_BYTES = _counter("input_bytes", "bytes", _WHOSE, "Bytes that settled attempts have read.")
SHUFFLE_BYTES = _counter("shuffle_bytes", "bytes", _WHOSE, "Bytes that settled attempts have shuffled.")
SPILL_BYTES = _counter("spill_bytes", "bytes", _WHOSE, "Bytes that settled attempts have spilled to disk.")

_LIVE = ("team", "code_location", "engine")
LIVE = _gauge("live_attempts", "attempts", (*_LIVE, "state"), "Attempts that are not settled, by their state.")
LIVE_STAGES_DONE = _gauge("live_stages_done", "stages", _LIVE, "Stages that live attempts have done.")
LIVE_STAGES_KNOWN = _gauge("live_stages_known", "stages", _LIVE, "Stages that live attempts know of.")
LIVE_TASKS_DONE = _gauge("live_tasks_done", "tasks", _LIVE, "Tasks that live attempts have done.")
LIVE_TASKS_KNOWN = _gauge("live_tasks_known", "tasks", _LIVE, "Tasks that live attempts know of.")
LIVE_ROWS = _gauge("live_rows", "rows", _LIVE, "Rows that live attempts have written.")
LIVE_INPUT_BYTES = _gauge("live_input_bytes", "bytes", _LIVE, "Bytes that live attempts have read.")
LIVE_SPILL_BYTES = _gauge("live_spill_bytes", "bytes", _LIVE, "Bytes that live attempts have spilled to disk.")
HEARTBEAT_AGE = _gauge(
    "live_heartbeat_age_seconds",
    "seconds",
    _LIVE,
    "Since the last sign of life of the quietest running attempt.",
)
LIVE_RESERVED = _gauge("live_forecast_usd", "US dollars", _LIVE, "What the live attempts were forecast to cost.")

QUEUED = _gauge("queued_runs", "runs", ("team", "code_location"), "Dagster runs that wait in the queue.")
QUEUE_OLDEST = _gauge("queue_oldest_age_seconds", "seconds", (), "How long the oldest queued run has waited.")
POOL_SLOTS = _gauge("pool_slots", "slots", ("pool", "state"), "Slots of Dagster's pools: limit, claimed, pending.")

FACTS_READ = _counter("exporter_facts_read", "facts", (), "Facts that the counters are made of.")
EXPORTER_LAG = _gauge(
    "exporter_lag_seconds", "seconds", (), "Age of the newest fact when it was counted; 0 when none was waiting."
)
EXPORTER_ERRORS = _counter("exporter_errors", "errors", ("stage",), "Rounds of the exporter that failed, by stage.")
POSTS = _counter(
    "exporter_progress_posts", "posts", ("outcome",), "Progress posted by readers: taken, stale, refused, dropped."
)
SERIES_FOLDED = _counter(
    "exporter_series_folded", "series", (), "Series beyond the cap of their metric, folded into `other`."
)

METRICS: tuple[Metric, ...] = (
    ATTEMPTS_STARTED, ATTEMPTS_SUBMITTED, ATTEMPTS, STATE_SECONDS, SUBMIT_SECONDS, ADOPTIONS, FAILOVERS, ESCALATIONS,
    CANCELS, POLL_ERRORS, BILLING_ERRORS, ORPHANS_ENDED, MESSAGES, MESSAGES_DUPLICATE, MESSAGES_LOST, MESSAGES_DAMAGED,
    MESSAGE_SECONDS, CHANNELS_BROKEN, COST, FORECAST, FORECAST_RATIO, ROWS, INPUT_BYTES, SHUFFLE_BYTES, SPILL_BYTES,
    LIVE, LIVE_STAGES_DONE, LIVE_STAGES_KNOWN, LIVE_TASKS_DONE, LIVE_TASKS_KNOWN, LIVE_ROWS, LIVE_INPUT_BYTES,
    LIVE_SPILL_BYTES, HEARTBEAT_AGE, LIVE_RESERVED, QUEUED, QUEUE_OLDEST, POOL_SLOTS,
    FACTS_READ, EXPORTER_LAG, EXPORTER_ERRORS, POSTS, SERIES_FOLDED,
)  # fmt: skip

BY_NAME = {metric.name: metric for metric in METRICS}
