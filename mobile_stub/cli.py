"""The phone on the command line: exit status 0 or 1, and with `--json` one object on stdout."""

import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from types import FrameType
from typing import Any

import click

from mobile_stub import wording
from mobile_stub.answers import Decision, FurtherProof, Outcome
from mobile_stub.enrolling import Claim
from mobile_stub.enrollment_uri import offer_from_code, offer_from_uri
from mobile_stub.errors import BadInput, PhoneError
from mobile_stub.passkey_commands import assert_, biometric_option, origin_option, passkey
from mobile_stub.phone import Phone
from mobile_stub.platform_authenticator import Biometric, Ceremony
from mobile_stub.terminal import give, json_option, phone, put, say, secret

_PIN_HELP = "`-` reads it from standard input, so that it is not visible to `ps`."


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--state",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="MOBILE_STUB_STATE",
    help="The file that holds this phone's keys (also MOBILE_STUB_STATE).",
)
@json_option
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
@json_option
def enroll(offer: str, issuer: str | None, pin: str | None, name: str, user: str | None) -> None:
    """Enroll with the link or code from the browser; print the check code and do not wait."""
    read = offer_from_uri(offer) if issuer is None else offer_from_code(offer, issuer=issuer)
    claim = Claim(name=name, pin=secret(pin, "PIN: "))
    enrolled = phone().enroll(read, claim, user=user)
    if enrolled.pin_advice is not None:
        say(f"Your PIN is too easy to guess: {enrolled.pin_advice}. Change it soon.")
    value = {key: text for key, text in asdict(enrolled).items() if key != "pin_advice"}
    give(value, wording.enrolled_in_words(enrolled))


@phone_group.command()
@json_option
def pending() -> None:
    """List the requests that wait for an answer."""
    found = phone().pending()
    words = "\n".join(wording.challenge_in_words(challenge) for challenge in found)
    value = {"challenges": [wording.challenge_for_json(challenge) for challenge in found]}
    give(value, words or "No requests.")


@phone_group.command()
@click.option("--count", type=click.IntRange(min=1), help="Stop after that many requests.")
@json_option
def watch(count: int | None) -> None:
    """Print each new request once, until interrupted; with --json one object a line."""
    former = signal.signal(signal.SIGTERM, _interrupt)
    try:
        for challenge in islice(phone().watch(lambda fault: say(str(fault))), count):
            give(wording.challenge_for_json(challenge), wording.challenge_in_words(challenge))
    except KeyboardInterrupt:
        return
    finally:
        signal.signal(signal.SIGTERM, former)


_challenge_argument = click.argument("challenge_id", metavar="[ID]", required=False)


@phone_group.command()
@_challenge_argument
@click.option("--code", required=True, help="The six digits that the browser shows.")
@click.option("--pin", help=f"Your PIN. {_PIN_HELP}")
@click.option("--totp", help="One further proof: a code from your authenticator app.")
@click.option("--recovery-code", help="One further proof: a recovery code.")
@biometric_option()
@origin_option
@json_option
def approve(challenge_id: str | None, code: str, pin: str | None, **further: str | None) -> None:
    """Approve a request; without ID the one that waits."""
    proof = _further_proof(**further)
    typed = secret(pin, "PIN: ")
    outcome = phone().approve(_asked(challenge_id), code=code, pin=typed, proof=proof)
    _give_outcome(Decision.APPROVE, outcome)


@phone_group.command()
@_challenge_argument
@json_option
def deny(challenge_id: str | None) -> None:
    """Deny a request for good; without ID the one that waits."""
    _give_outcome(Decision.DENY, phone().deny(_asked(challenge_id)))


@phone_group.command()
@_challenge_argument
@json_option
def report(challenge_id: str | None) -> None:
    """Deny a request for good and report fraud; without ID the one that waits."""
    _give_outcome(Decision.REPORT_FRAUD, phone().report(_asked(challenge_id)))


@phone_group.command()
@json_option
def status() -> None:
    """Show what the service says about this phone."""
    device = phone().status()
    give(device, wording.device_in_words(device))


@phone_group.command()
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--local", is_flag=True, help="Only delete the keys here; the service is not asked.")
@json_option
def remove(*, yes: bool, local: bool) -> None:
    """Remove this phone at the service and delete its keys."""
    removed = phone()
    if not local:
        say(wording.REMOVAL_WARNING)
    if not yes:
        if not sys.stdin.isatty():
            raise BadInput("Say --yes to remove this phone.")
        click.confirm("Remove this phone?", abort=True, err=True)
    removed.forget() if local else removed.remove()
    give({"removed": True}, "This phone was removed.")


@phone_group.command("change-pin")
@click.option("--old-pin", required=True, help=f"The PIN until now. {_PIN_HELP}")
@click.option("--new-pin", required=True, help=f"The PIN from now on. {_PIN_HELP}")
@json_option
def change_pin(old_pin: str, new_pin: str) -> None:
    """Change the PIN."""
    old, new = secret(old_pin, "Old PIN: "), secret(new_pin, "New PIN: ")
    phone().change_pin(old=old or "", new=new or "")
    give({"changed": True}, "The PIN was changed.")


@phone_group.command()
@click.option("--pin", help=f"Your PIN, when there is one. {_PIN_HELP}")
@json_option
def rotate(pin: str | None) -> None:
    """Replace the key of this phone."""
    phone().rotate_keys(pin=secret(pin, "PIN: "))
    give({"rotated": True}, "The key of this phone was replaced.")


phone_group.add_command(passkey)
phone_group.add_command(assert_)


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
    say(sentence)
    if "--json" in given and "watch" not in given:
        with suppress(BrokenPipeError):
            put(json.dumps({"error": kind, "detail": sentence, **facts}))
    return 1


def _usage(fault: click.ClickException) -> str:
    """Return click's sentence, but never an argument too many: it may be a mistyped PIN."""
    sentence = fault.format_message()
    return "There is an argument too many." if "unexpected extra" in sentence else sentence


def _asked(challenge_id: str | None) -> str:
    """Return the request that is meant; the only one need not be named, and is shown first."""
    if challenge_id is not None:
        return challenge_id
    found = phone().pending()
    if len(found) != 1:
        raise BadInput("Several requests wait; say which one." if found else "No request waits.")
    say(wording.challenge_in_words(found[0]))
    return found[0].id


def _further_proof(
    *, totp: str | None, recovery_code: str | None, biometric: str | None, origin: str | None
) -> FurtherProof | Ceremony | None:
    if sum(given is not None for given in (totp, recovery_code, biometric)) > 1:
        raise BadInput("One further proof is enough: --totp, --recovery-code or --biometric.")
    if biometric is not None:
        return Ceremony(Biometric(biometric), origin)
    if origin is not None:
        raise BadInput("--origin belongs to --biometric.")
    if totp is not None:
        return FurtherProof("totp", totp)
    return None if recovery_code is None else FurtherProof("recovery_code", recovery_code)


def _give_outcome(decision: Decision, outcome: Outcome) -> None:
    give(asdict(outcome), wording.outcome_in_words(decision, outcome))
    if outcome.status == "failed":
        click.get_current_context().exit(1)


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
