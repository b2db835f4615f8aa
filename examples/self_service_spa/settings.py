"""Read the page's settings from `SPA_*` environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from examples.common.environment import Environment

PASSWORD_MODE = "SPA_ASK_FOR_PASSWORDS_THAT_RFC_9700_FORBIDS"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the page is, whom it gets its token from, and which service it calls with it."""

    address: str
    host: str
    port: int
    issuer: str
    service: str
    client_id: str
    asks_for_passwords: bool


def settings_from(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings, or stop with one message that lists every wrong variable."""
    env = Environment(variables)
    port = env.port("SPA_PORT", 9200)
    settings = Settings(
        address=env.origin("SPA_ADDRESS", f"http://localhost:{port}"),
        host=env.text("SPA_HOST", "127.0.0.1"),
        port=port,
        issuer=env.origin("SPA_AS_ISSUER", "http://localhost:9000"),
        service=env.origin("SPA_STEPUP_ISSUER", "http://localhost:8000"),
        client_id=env.text("SPA_CLIENT_ID", "self-service"),
        asks_for_passwords=env.choice(PASSWORD_MODE, "0", "1") == "1",
    )
    env.finish()
    return settings
