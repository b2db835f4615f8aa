"""`python -m examples.relying_party`: serve on the configured address until stopped."""

import time

import httpx

from examples.common.serving import serve
from examples.relying_party.app import create_app
from examples.relying_party.settings import settings_from


def main() -> None:
    """Start the shop."""
    settings = settings_from()
    serve(
        create_app(settings, httpx.Client(timeout=10), lambda: int(time.time())),
        host=settings.host,
        port=settings.port,
        name="relying party",
        address=settings.address,
    )


if __name__ == "__main__":
    main()
