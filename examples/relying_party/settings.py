"""Read the shop's settings from `SHOP_*` environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from examples.common.environment import Environment


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the shop needs to start."""

    address: str
    host: str
    port: int
    issuer: str
    api_audience: str
    client_id: str
    client_secret: str = field(repr=False)

    @property
    def redirect_uri(self) -> str:
        """Where the authorization server sends the browser back to."""
        return f"{self.address}/callback"


def settings_from(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings, or stop with one message that lists every missing or wrong variable."""
    env = Environment(variables)
    port = env.port("SHOP_PORT", 9100)
    address = env.origin("SHOP_ADDRESS", f"http://localhost:{port}")
    settings = Settings(
        address=address,
        host=env.text("SHOP_HOST", "127.0.0.1"),
        port=port,
        issuer=env.origin("SHOP_AS_ISSUER", "http://localhost:9000"),
        api_audience=env.text("SHOP_API_AUDIENCE", f"{address}/api"),
        client_id=env.text("SHOP_CLIENT_ID", "corner-books"),
        client_secret=env.text("SHOP_CLIENT_SECRET"),
    )
    env.finish()
    return settings
