"""The phone on the command line: exit status 0 or 1, and with `--json` one object on stdout."""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from getpass import getpass
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import click

from mobile_stub import wording
from mobile_stub.answers import Decision, FurtherProof, Outcome
from mobile_stub.enrolling import Claim
from mobile_stub.enrollment_uri import offer_from_code, offer_from_uri
from mobile_stub.errors import BadInput, PhoneError
from mobile_stub.phone import Phone

_JSON = "mobile_stub.json"
_PIN_HELP = "`-` reads it from standard input, so that it is not visible to `ps`."
_Command = TypeVar("_Command", bound=Callable[..., Any])


def _note_json(context: click.Context, _: click.Parameter, wanted: bool) -> None:  # noqa: FBT001
    if wanted:
        context.meta[_JSON] = True


def _json_option(command: _Command) -> _Command:
    return click.option(
        "--json",
        is_flag=True,
        expose_value=False,
        callback=_note_json,
        help="One JSON value on stdout, messages on stderr.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="MOBILE_STUB_STATE",
    help="The file that holds this phone's keys (also MOBILE_STUB_STATE).",
)
@_json_option
@click.pass_context
def phone_group(context: click.Context, state: Path | None) -> None:
    """Be a phone for step-up authentication."""
    phone_for: Callable[[Path], Phone] = context.obj
    context.obj = None if state is None else phone_for(state)


@phone_group.command()
@click.argument("offer", metavar="URI")
@click.option("--issuer", help="The service, when URI is the code that can be typed by hand.")
@click.option("--pin", help=f"Choose a PIN for approvals. {_PIN_HELP}")
@click.option("--name", default="Mobile stub", show_default=True, help="The name of this phone.")
@click.option("--user", help="Your user name, so that the PIN is not made of it.")
@_json_option
def enroll(offer: str, issuer: str | None, pin: str | None, name: str, user: str | None) -> None:
    """Enroll with the link or code from the browser; print the check code and do not wait."""
    read = offer_from_uri(offer) if issuer is None else offer_from_code(offer, issuer=issuer)
    claim = Claim(name=name, pin=_secret(pin, "PIN: "))
    enrolled = _phone().enroll(read, claim, user=user)
    if enrolled.pin_advice is not None:
        _say(f"Your PIN is too easy to guess: {enrolled.pin_advice}. Change it soon.")
    value = {key: text for key, text in asdict(enrolled).items() if key != "pin_advice"}
    _give(value, wording.enrolled_in_words(enrolled))


@phone_group.command()
@_json_option
def pending() -> None:
    """List the requests that wait for an answer."""
    found = _phone().pending()
    words = "\n".join(wording.challenge_in_words(challenge) for challenge in found)
    value = {"challenges": [wording.challenge_for_json(challenge) for challenge in found]}
    _give(value, words or "No requests.")


@phone_group.command()
@click.option("--count", type=click.IntRange(min=1), help="Stop after that many requests.")
@_json_option
def watch(count: int | None) -> None:
    """Print each new request once, until interrupted; with --json one object a line."""
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for challenge in islice(_phone().watch(lambda fault: _say(str(fault))), count):
            _give(wording.challenge_for_json(challenge), wording.challenge_in_words(challenge))
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, former)


@phone_group.command()
@click.argument("challenge_id", metavar="ID")
@click.option("--code", required=True, help="The six digits that the browser shows.")
@click.option("--pin", help=f"Your PIN. {_PIN_HELP}")
@click.option("--totp", help="One further proof: a code from your authenticator app.")
@click.option("--recovery-code", help="One further proof: a recovery code.")
@_json_option
def approve(
    challenge_id: str, code: str, pin: str | None, totp: str | None, recovery_code: str | None
) -> None:
    """Approve a request."""
    if totp is not None and recovery_code is not None:
        raise BadInput("One further proof is enough: --totp or --recovery-code.")
    proof = None
    if totp is not None:
        proof = FurtherProof("totp", totp)
    elif recovery_code is not None:
        proof = FurtherProof("recovery_code", recovery_code)
    typed = _secret(pin, "PIN: ")
    outcome = _phone().approve(challenge_id, code=code, pin=typed, proof=proof)
    _give_outcome(Decision.APPROVE, outcome)


@phone_group.command()
@click.argument("challenge_id", metavar="ID")
@_json_option
def deny(challenge_id: str) -> None:
    """Deny a request for good."""
    _give_outcome(Decision.DENY, _phone().deny(challenge_id))


@phone_group.command()
@click.argument("challenge_id", metavar="ID")
@_json_option
def report(challenge_id: str) -> None:
    """Deny a request for good and report fraud."""
    _give_outcome(Decision.REPORT_FRAUD, _phone().report(challenge_id))


@phone_group.command()
@_json_option
def status() -> None:
    """Show what the service says about this phone."""
    device = _phone().status()
    _give(device, wording.device_in_words(device))


@phone_group.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--local", is_flag=True, help="Only delete the keys here; the service is not asked.")
@_json_option
def remove(*, yes: bool, local: bool) -> None:
    """Remove this phone at the service and delete its keys."""
    phone = _phone()
    if not local:
        _say(wording.REMOVAL_WARNING)
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("Say --yes to remove this phone.")
        click.confirm("Remove this phone?", abort=True, err=True)
    phone.forget() if local else phone.remove()
    _give({"removed": True}, "This phone was removed.")


@phone_group.command("change-pin")
@click.option("--old-pin", required=True, help=f"The PIN until now. {_PIN_HELP}")
@click.option("--new-pin", required=True, help=f"The PIN from now on. {_PIN_HELP}")
@_json_option
def change_pin(old_pin: str, new_pin: str) -> None:
    """Change the PIN."""
    old, new = _secret(old_pin, "Old PIN: "), _secret(new_pin, "New PIN: ")
    _phone().change_pin(old=old or "", new=new or "")
    _give({"changed": True}, "The PIN was changed.")


@phone_group.command()
@click.option("--pin", help=f"Your PIN, when there is one. {_PIN_HELP}")
@_json_option
def rotate(pin: str | None) -> None:
    """Replace the key of this phone."""
    _phone().rotate_keys(pin=_secret(pin, "PIN: "))
    _give({"rotated": True}, "The key of this phone was replaced.")


def main(arguments: Sequence[str] | None = None, phone_for: Callable[[Path], Phone] = Phone) -> int:
    """Run one command and return 0 or 1; every fault is one plain sentence on stderr."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = phone_group.main(
            given, prog_name="mobile-stub", standalone_mode=False, obj=phone_for
        )
    except PhoneError as fault:
        return _failed(given, fault.kind, str(fault), fault.facts)
    except click.ClickException as fault:
        return _failed(given, "usage", _usage(fault), {})
    except (click.Abort, KeyboardInterrupt):
        return _failed(given, "interrupted", "Interrupted; nothing more was done.", {})
    except BrokenPipeError:
        # The interpreter flushes stdout once more at its end; give it something that is open.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return 0 if code in (None, 0) else 1


def _failed(given: list[str], kind: str, sentence: str, facts: dict[str, Any]) -> int:
    _say(sentence)
    if "--json" in given and "watch" not in given:
        with suppress(BrokenPipeError):
            _print(json.dumps({"error": kind, "detail": sentence, **facts}))
    return 1


def _usage(fault: click.ClickException) -> str:
    """Return click's sentence, but never an argument too many: it may be a mistyped PIN."""
    sentence = fault.format_message()
    return "There is an argument too many." if "unexpected extra" in sentence else sentence


def _phone() -> Phone:
    phone = click.get_current_context().obj
    if not isinstance(phone, Phone):
        raise BadInput("Say which phone with --state FILE.")
    return phone


def _secret(given: str | None, prompt: str) -> str | None:
    if given != "-":
        return given
    return getpass(prompt) if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")


def _give(value: Any, words: str) -> None:  # noqa: ANN401  (whatever JSON can hold)
    as_json = click.get_current_context().meta.get(_JSON, False)
    _print(json.dumps(value) if as_json else words)


def _give_outcome(decision: Decision, outcome: Outcome) -> None:
    _give(asdict(outcome), wording.outcome_in_words(decision, outcome))
    if outcome.status == "failed":
        click.get_current_context().exit(1)


def _print(text: str) -> None:
    click.echo(text.encode(sys.stdout.encoding or "utf-8", "backslashreplace"))


def _say(text: str) -> None:
    click.echo(text.encode(sys.stderr.encoding or "utf-8", "backslashreplace"), err=True)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
