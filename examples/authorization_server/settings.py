"""Read this server's settings from `AS_*` and `STEPUP_*` environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from examples.common.environment import Environment
from examples.common.pages import origin_of

PASSWORD_GRANT = "AS_ALLOW_PASSWORD_GRANT_THAT_RFC_9700_FORBIDS"  # noqa: S105
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
    """An application that may send people here; without `secret` a public one, with PKCE alone.

    Its access tokens are for `audience` and live for `seconds`.
    """

    client_id: str
    name: str
    redirect_uris: tuple[str, ...]
    secret: str | None = field(repr=False)
    scopes: tuple[str, ...]
    audience: str
    grants: frozenset[str] = frozenset({"authorization_code", "refresh_token"})
    seconds: int = 300


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything this server needs. `signing_key` is a PEM file; without one a key is made."""

    issuer: str
    host: str
    port: int
    users: Path
    signing_key: Path | None
    client: ClientSettings
    others: tuple[ClientSettings, ...]
    stepup: StepUpSettings

    @property
    def clients(self) -> tuple[ClientSettings, ...]:
        """Every application that is known here."""
        return (self.client, *self.others)

    @property
    def script_origins(self) -> tuple[str, ...]:
        """Where applications run that are nothing but scripts."""
        public = (known for known in self.clients if known.secret is None)
        return tuple(origin_of(uri) for known in public for uri in known.redirect_uris)


def settings_from(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings, or stop with one message that lists every missing or wrong variable."""
    env = Environment(variables)
    port = env.port("AS_PORT", 9000)
    issuer = env.origin("AS_ISSUER", f"http://localhost:{port}")
    key = env.text("AS_SIGNING_KEY", "-")
    client, stepup = _relying_party(env), _stepup(env)
    settings = Settings(
        issuer=issuer,
        host=env.text("AS_HOST", "127.0.0.1"),
        port=port,
        users=Path(env.text("AS_USERS", str(DEMO_USERS))),
        signing_key=None if key == "-" else Path(key),
        client=client,
        others=(*_self_service_page(env, stepup), *_account_pages(env, stepup)),
        stepup=stepup,
    )
    env.finish()
    return settings


def _relying_party(env: Environment) -> ClientSettings:
    return ClientSettings(
        client_id=env.text("AS_CLIENT_ID", "corner-books"),
        name=env.text("AS_CLIENT_NAME", "Corner Books"),
        redirect_uris=env.words("AS_REDIRECT_URIS", "http://localhost:9100/callback"),
        secret=env.text("AS_CLIENT_SECRET"),
        scopes=("openid", "profile", *env.words("AS_API_SCOPES", "books")),
        audience=env.text("AS_API_AUDIENCE", "http://localhost:9100/api"),
    )


def _stepup(env: Environment) -> StepUpSettings:
    return StepUpSettings(
        issuer=env.origin("STEPUP_ISSUER", "http://localhost:8000"),
        client_id=env.text("STEPUP_CLIENT_ID"),
        client_secret=env.text("STEPUP_CLIENT_SECRET"),
        hosted=env.choice("AS_STEP_UP_PAGE", "hosted", "own") == "hosted",
    )


def _self_service_page(env: Environment, stepup: StepUpSettings) -> tuple[ClientSettings, ...]:
    """Return the single-page application, which gets tokens for the step-up service's `/v1/me`."""
    passwords = env.choice(PASSWORD_GRANT, "0", "1") == "1"
    if env.optional("AS_SELF_SERVICE_PAGE") is None:
        if passwords:
            env.faults.append(f"{PASSWORD_GRANT} needs AS_SELF_SERVICE_PAGE")
        return ()
    client = ClientSettings(
        client_id="self-service",
        name="Your sign-in",
        redirect_uris=(env.origin("AS_SELF_SERVICE_PAGE") + "/",),
        secret=None,
        scopes=("openid", "profile", "mfa:self"),
        audience=stepup.issuer,
        grants=frozenset({"authorization_code", *(("password",) if passwords else ())}),
        seconds=900,  # no refresh token in a browser: long enough to add a phone without hurry
    )
    return (client,)


def _account_pages(env: Environment, stepup: StepUpSettings) -> tuple[ClientSettings, ...]:
    """Return the step-up service itself, whose `/account` lets people sign in here."""
    secret = env.optional("AS_ACCOUNT_CLIENT_SECRET")
    if secret is None:
        return ()
    client = ClientSettings(
        client_id="stepup-account",
        name="Your sign-in",
        redirect_uris=(f"{stepup.issuer}/account/signed-in",),
        secret=secret,
        scopes=("openid",),
        audience=stepup.issuer,
        grants=frozenset({"authorization_code"}),
    )
    return (client,)
