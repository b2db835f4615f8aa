"""`python -m examples.self_service_spa`: serve on the configured address until stopped."""

from examples.common.serving import serve
from examples.self_service_spa.app import create_app
from examples.self_service_spa.settings import settings_from


def main() -> None:
    """Start serving the files."""
    settings = settings_from()
    serve(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        name="self-service page",
        address=settings.address,
    )


if __name__ == "__main__":
    main()
