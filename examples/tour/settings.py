"""Read the tour's settings from `TOUR_*` environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass

from examples.common.environment import Environment


@dataclass(frozen=True, slots=True)
class Settings:
    """Where everything is, and how the phone on the command line is called."""

    address: str
    port: int
    service: str
    server: str
    shop: str
    page: str
    phone: str


def settings_from(variables: Mapping[str, str] | None = None) -> Settings:
    """Return the settings, or stop with one message that lists every wrong variable."""
    env = Environment(variables)
    port = env.port("TOUR_PORT", 9300)
    settings = Settings(
        address=env.origin("TOUR_ADDRESS", f"http://localhost:{port}"),
        port=port,
        service=env.origin("TOUR_SERVICE", "http://localhost:8000"),
        server=env.origin("TOUR_SERVER", "http://localhost:9000"),
        shop=env.origin("TOUR_SHOP", "http://localhost:9100"),
        page=env.origin("TOUR_PAGE", "http://localhost:9200"),
        phone=env.text("TOUR_PHONE", "mobile-stub --state phone.json"),
    )
    env.finish()
    return settings
