"""The commands for passkeys of this phone, and the options that say how its sensor behaves."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from mobile_stub.encoding import compact_json
from mobile_stub.platform_authenticator import Biometric, Ceremony
from mobile_stub.terminal import give, json_option, phone, text_from
from mobile_stub.webauthn_options import options_from_text

_Command = TypeVar("_Command", bound=Callable[..., Any])


def biometric_option(default: Biometric | None = None) -> Callable[[_Command], _Command]:
    """Return the option `--biometric [ok|fail|absent]`; without a value it is `ok`."""
    return click.option(
        "--biometric",
        type=click.Choice([each.value for each in Biometric]),
        is_flag=False,
        flag_value=Biometric.OK.value,
        default=None if default is None else default.value,
        help="Your finger or face is recognised (also without a value), or not, or nobody looks.",
    )


def origin_option(command: _Command) -> _Command:
    """Add `--origin`, where the ceremony says that it happens."""
    return click.option(
        "--origin", help="Where the passkey is used; the service's own origin unless given."
    )(command)


@click.command()
@click.argument("options", metavar="JSON")
@biometric_option(Biometric.OK)
@origin_option
@click.option("--synced", is_flag=True, help="A passkey that is backed up and on other devices.")
@json_option
def passkey(options: str, biometric: str, origin: str | None, *, synced: bool) -> None:
    """Make a passkey on this phone; print the credential that confirms its enrollment.

    JSON: the answer of POST /v1/enrollments or its publicKey; `-` is stdin, `@FILE` a file.
    """
    ceremony = Ceremony(Biometric(biometric), origin)
    _give(phone().make_passkey(options_from_text(text_from(options)), ceremony, synced=synced))


@click.command("assert")
@click.argument("options", metavar="JSON")
@biometric_option(Biometric.OK)
@origin_option
@json_option
def assert_(options: str, biometric: str, origin: str | None) -> None:
    """Sign request options with a passkey of this phone; print the credential of the proof.

    JSON: the answer of POST …/webauthn or its publicKey; `-` is stdin, `@FILE` a file.
    """
    ceremony = Ceremony(Biometric(biometric), origin)
    _give(phone().use_passkey(options_from_text(text_from(options)), ceremony))


def _give(credential: dict[str, Any]) -> None:
    """Print JSON in either case: only programs read a credential."""
    give(credential, compact_json(credential).decode())
