"""`python -m examples.tour`: serve on the configured address until stopped."""

from examples.common.serving import serve
from examples.tour.app import create_app
from examples.tour.settings import settings_from


def main() -> None:
    """Start serving the page."""
    settings = settings_from()
    serve(
        create_app(settings),
        host="127.0.0.1",
        port=settings.port,
        name="tour",
        address=settings.address,
    )


if __name__ == "__main__":
    main()
