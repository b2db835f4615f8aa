"""What is counted, in Prometheus' terms."""

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


def exposition(*, several_processes: bool) -> bytes:
    """Return the text format, summed over the workers when there are several."""
    if not several_processes:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # untyped there
    return generate_latest(registry)
