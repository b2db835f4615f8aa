"""A login issuer on a loopback port and the service's adapter to it."""

from collections.abc import Iterator

import pytest

from mfa_service.adapters.login_issuer import LoginIssuerProvider, Registration
from mfa_service.adapters.remote_documents import Fetcher
from tests.support.login_issuer import CLIENT_ID, SECRET, LoginDouble, login_double
from tests.support.ports import FrozenClock
from tests.support.world import ISSUER


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock()


@pytest.fixture
def double(clock: FrozenClock) -> Iterator[LoginDouble]:
    with login_double(clock) as made:
        yield made


@pytest.fixture
def provider(double: LoginDouble, clock: FrozenClock) -> LoginIssuerProvider:
    """Return the adapter; it waits for 0.3 s at most, so that slowness is soon seen."""
    return provider_for(double, clock)


def provider_for(
    double: LoginDouble, clock: FrozenClock, **changed: str | None
) -> LoginIssuerProvider:
    members = {
        "issuer": double.issuer,
        "client_id": CLIENT_ID,
        "client_secret": SECRET,
        "audience": ISSUER,
    }
    registration = Registration(**{**members, **changed})  # type: ignore[arg-type]
    return LoginIssuerProvider(registration, clock, Fetcher(seconds=0.3))
