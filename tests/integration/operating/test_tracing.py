"""Traces: what a request was and cost, how pushes went; never who it was or what was said."""

from collections.abc import Iterator

import pytest

from mfa_service import wiring_adapters
from mfa_service.observability.spans import TRACING
from mfa_service.settings import Settings
from tests.support.collector import Collector, collector
from tests.support.phone import PinKey
from tests.support.remote import environment
from tests.support.world import World

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture
def double() -> Iterator[Collector]:
    with collector() as made:
        yield made


@pytest.fixture
def traced(double: Collector, any_world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """Return the service with a tracer; `flush` sends what there is."""
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "10")
    env = environment(any_world.services.settings.database_url) | {"MFA_TRACING": double.url}
    tracer = wiring_adapters.tracer(Settings.load(env))
    assert tracer is not None
    TRACING.tracer = tracer
    yield any_world
    TRACING.tracer = None


def flush() -> None:
    """Send what there is, and end."""
    TRACING.tracer.close()  # type: ignore[union-attr]


def step_up(world: World) -> list[str]:
    """Do what people do; return all that must be in no span."""
    pin = PinKey()
    phone = world.phone("alice@example.org", pin=pin, push={"provider": "fcm", "token": "address"})
    totp = world.totp("bob@example.org")
    challenge = world.client().challenge("alice@example.org")
    world.services.outbox.deliver()
    assert world.approve(phone, challenge, pin=pin).status_code == 200
    other = world.client().challenge("bob@example.org", methods=["totp"])
    code = totp.next()
    assert world.client().answer(other["id"], "totp", code).status_code == 200
    api = world.client()
    users = [u["id"] for u in api.get("/v1/users?sub=bob@example.org").get_json()["users"]]
    told = [phone.device_id, totp.id, challenge["id"], challenge["display_code"], api.client_id]
    return [*told, *users, api.secret, api.token, "alice", "bob", "address", totp.generator.secret]


def test_each_request_is_a_span_that_tells_what_it_cost(traced: World, double: Collector) -> None:
    totp = traced.totp()
    challenge = traced.client().challenge(methods=["totp"])
    assert traced.client().answer(challenge["id"], "totp", totp.next()).status_code == 200
    flush()
    (span,) = double.named("answerChallenge")
    assert (span.kind, span.service, span.failed) == (2, "mfa", False)
    told = dict(span.attributes)
    assert told.pop("mfa.request_id")
    assert told.pop("mfa.statements") in range(3, 12)
    assert told.pop("mfa.commits") in range(1, 4)
    assert told == {
        "http.request.method": "POST",
        "http.route": "answerChallenge",
        "http.response.status_code": 200,
    }
    assert span.nanoseconds > 0
    assert len(span.trace_id) == 32
    assert span.parent_id == ""


def test_a_request_is_a_child_of_its_traceparent(traced: World, double: Collector) -> None:
    get = traced.app.test_client().get
    get("/healthz", headers={"traceparent": f"00-{TRACE}-{PARENT}-01"})
    get("/readyz", headers={"traceparent": "nonsense"})
    flush()
    assert [(s.trace_id, s.parent_id) for s in double.named("/healthz")] == [(TRACE, PARENT)]
    assert [s.parent_id for s in double.named("/readyz")] == [""]


def test_what_the_caller_does_not_want_traced_is_not(traced: World, double: Collector) -> None:
    headers = {"traceparent": f"00-{TRACE}-{PARENT}-00"}
    traced.app.test_client().get("/healthz", headers=headers)
    flush()
    assert double.spans == []


def test_a_push_is_a_span_with_its_outcome(traced: World, double: Collector) -> None:
    step_up(traced)
    flush()
    (span,) = double.named("push")
    assert (span.kind, span.attributes) == (3, {"mfa.provider": "fcm", "mfa.result": "accepted"})


def test_no_span_tells_who_it_was_or_what_was_said(traced: World, double: Collector) -> None:
    secrets = step_up(traced)
    flush()
    assert len(double.spans) > 10
    sent = b"".join(double.bodies)
    assert [secret for secret in secrets if secret.encode() in sent] == []
    assert {key for span in double.spans for key in span.attributes} == {
        "http.request.method",
        "http.route",
        "http.response.status_code",
        "mfa.request_id",
        "mfa.statements",
        "mfa.commits",
        "mfa.provider",
        "mfa.result",
    }


def test_a_collector_that_refuses_disturbs_nobody(traced: World, double: Collector) -> None:
    double.status = 400
    step_up(traced)
    flush()
    assert double.headers
    assert double.spans == []


def test_without_the_setting_nothing_is_traced(world: World, double: Collector) -> None:
    assert wiring_adapters.tracer(world.services.settings) is None
    world.app.test_client().get("/healthz")
    assert double.headers == []
