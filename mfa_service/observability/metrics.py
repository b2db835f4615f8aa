"""What is counted, in Prometheus' terms."""

import functools

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, multiprocess

REQUESTS = Counter("mfa_requests_total", "Answered requests.", ["operation", "status"])
SECONDS = Histogram("mfa_request_seconds", "Time to answer, waiting included.", ["operation"])
PROOFS = Counter("mfa_proofs_total", "Judged proofs.", ["method", "result"])
CHALLENGES = Counter("mfa_challenges_total", "Ended challenges.", ["status"])
GATEWAY = Counter("mfa_gateway_decisions_total", "Decisions of the gateway.", ["result", "reason"])
PINGS = Counter("mfa_pings_total", "Notifications of CIBA clients.", ["result"])
PUSHES = Counter("mfa_pushes_total", "Notifications by outcome.", ["provider", "result"])
PUSHES_LATE = Counter(
    "mfa_pushes_late_total",
    "Notifications accepted more than 10 s after they were asked for, or not before their end.",
    ["provider"],
)
PUSH_SECONDS = Histogram(
    "mfa_push_seconds",
    "Time from the challenge to the provider's acceptance.",
    ["provider"],
    buckets=(1, 2, 5, 10, 30, 60, 120),
)


@functools.cache
def _answered(operation: str, status: int) -> tuple[Counter, Histogram]:
    return REQUESTS.labels(operation, status), SECONDS.labels(operation)


def count_answer(operation: str, status: int, seconds: float) -> None:
    """Count a request that was answered; `operation` is one of ours, never what was sent."""
    counter, histogram = _answered(operation, status)
    counter.inc()
    histogram.observe(seconds)


@functools.cache
def _judged(method: str, result: str) -> Counter:
    return PROOFS.labels(method, result)


def count_proof(method: str, result: str) -> None:
    """Count a judged proof; both are words of ours."""
    _judged(method, result).inc()


@functools.cache
def _ended(status: str) -> Counter:
    return CHALLENGES.labels(status)


def count_end(status: str, times: int = 1) -> None:
    """Count challenges that ended so."""
    _ended(status).inc(times)


def exposition(*, several_processes: bool) -> bytes:
    """Return the text format, summed over the workers when there are several."""
    if not several_processes:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped there
    return generate_latest(registry)
