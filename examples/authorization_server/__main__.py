"""`python -m examples.authorization_server`: serve on the configured address until stopped."""

from examples.authorization_server.app import create_app, real_outside
from examples.authorization_server.settings import DEMO_USERS, settings_from
from examples.common.serving import serve


def main() -> None:
    """Start the server."""
    settings = settings_from()
    if settings.users == DEMO_USERS:
        print("The users are those of the demo, with known passwords: keep this to yourself.")  # noqa: T201
    serve(
        create_app(settings, real_outside(settings)),
        host=settings.host,
        port=settings.port,
        name="authorization server",
        address=settings.issuer,
    )


if __name__ == "__main__":
    main()
