"""Read this server's settings from `AS_*` and `STEPUP_*` environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from examples.common.environment import Environment

DEMO_USERS = Path(__file__).with_name("users.toml")


@dataclass(frozen=True, slots=True)
class StepUpSettings:
    """How this server calls the step-up service, and whether it uses the service's hosted page."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    hosted: bool


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """The one relying party of this example."""

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything this server needs. `signing_key` is a PEM file; without one a key is made."""

    issuer: str
    host: str
    port: int
    users: Path
    signing_key: Path | None
    api_audience: str
    client: ClientSettings
    stepup: StepUpSettings


def settings_from(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings, or stop with one message that lists every missing or wrong variable."""
    env = Environment(variables)
    port = env.port("AS_PORT", 9000)
    key = env.text("AS_SIGNING_KEY", "-")
    settings = Settings(
        issuer=env.origin("AS_ISSUER", f"http://127.0.0.1:{port}"),
        host=env.text("AS_HOST", "127.0.0.1"),
        port=port,
        users=Path(env.text("AS_USERS", str(DEMO_USERS))),
        signing_key=None if key == "-" else Path(key),
        api_audience=env.text("AS_API_AUDIENCE", "http://127.0.0.1:9100/api"),
        client=ClientSettings(
            client_id=env.text("AS_CLIENT_ID", "corner-books"),
            name=env.text("AS_CLIENT_NAME", "Corner Books"),
            redirect_uris=env.words("AS_REDIRECT_URIS", "http://127.0.0.1:9100/callback"),
            secret=env.text("AS_CLIENT_SECRET"),
        ),
        stepup=StepUpSettings(
            issuer=env.origin("STEPUP_ISSUER", "http://localhost:8000"),
            client_id=env.text("STEPUP_CLIENT_ID"),
            client_secret=env.text("STEPUP_CLIENT_SECRET"),
            hosted=env.choice("AS_STEP_UP_PAGE", "hosted", "own") == "hosted",
        ),
    )
    env.finish()
    return settings
