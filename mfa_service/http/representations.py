"""Values of the domain as the JSON that the contract names."""

from mfa_service.adapters import qr
from mfa_service.domain import crockford
from mfa_service.domain.authenticator import Authenticator
from mfa_service.domain.challenge import PUSH, WEBAUTHN, Challenge, Status
from mfa_service.domain.subject import Client, Subject
from mfa_service.services.challenges import Result
from mfa_service.services.enrollment_rows import Enrollment, claim_uri
from mfa_service.wiring import Services

INTERVAL_SECONDS = 2


def challenge(
    services: Services, client: Client, value: Challenge, *, return_code: str | None = None
) -> dict[str, object]:
    """Return the challenge object of contract section 3; its result only if it is released."""
    asked = value.asked
    body: dict[str, object] = {
        "id": value.id,
        "status": value.status,
        "reason": value.reason,
        "sub": asked.sub,
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "interval": INTERVAL_SECONDS,
        "attempts_left": value.attempts_left,
        "tx_hash": asked.tx_hash,
        "methods": [
            {"method": o.method, "authenticator_id": o.authenticator_id, "label": o.label}
            for o in asked.offers
        ],
        "push": {"state": value.push_state},
        "page": _page(services, value),
    }
    if value.status is Status.PENDING and asked.offered(PUSH):
        body["display_code"] = asked.display_code
    result = services.challenges.result(client, value)
    if result is None:
        return body
    released = services.challenges.releases(value, return_code)
    return body | _shown_result(result, released=released)


def _page(services: Services, value: Challenge) -> str:
    return f"{services.issuer}/challenge/{value.id}.{services.challenges.page_secret(value)}"


def _shown_result(result: Result, *, released: bool) -> dict[str, object]:
    shown: dict[str, object] = {
        "acr": result.assurance.acr,
        "acr_satisfied": list(result.assurance.acr_satisfied),
        "amr": list(result.assurance.amr),
        "auth_time": result.auth_time,
        "result_token": result.token,
    }
    return shown if released else dict.fromkeys(shown)


def authenticator(value: Authenticator) -> dict[str, object]:
    """Return the authenticator object of contract section 5."""
    body: dict[str, object] = {
        "id": value.id,
        "type": value.type,
        "label": value.label,
        "state": value.state,
        "suspended_by": value.suspended_by,
        "created_at": value.created_at,
        "last_used_at": value.last_used_at,
    }
    if value.type == "phone":
        body |= {"platform": value.attributes.get("platform"), "pin": value.pin}
    if value.type == WEBAUTHN:
        body |= {name: value.attributes.get(name) for name in ("backup_eligible", "aaguid")}
    if value.type == "recovery_codes":
        body["codes_left"] = value.uses_left
    return body


def user(services: Services, client: Client, subject: Subject) -> dict[str, object]:
    """Return the user object of contract section 5."""
    codes = [a.uses_left or 0 for a in subject.authenticators if a.type == "recovery_codes"]
    return {
        "id": subject.user.id,
        "sub": subject.user.sub,
        "status": "active",
        "authenticators": [authenticator(a) for a in subject.authenticators],
        "acr_attainable": services.users.acr_attainable(client, subject),
        "recovery_codes_left": sum(codes),
    }


def nobody(services: Services, sub: str) -> dict[str, object]:
    """Return the user object of a subject who has nothing here yet."""
    return {
        "id": None,
        "sub": sub,
        "status": "active",
        "authenticators": [],
        "acr_attainable": services.settings.levels.acrs[0],
        "recovery_codes_left": 0,
    }


def enrollment(services: Services, value: Enrollment) -> dict[str, object]:
    """Return the enrollment object of contract section 5, with what is shown once."""
    return {
        "id": value.id,
        "type": value.type,
        "sub": value.sub,
        "state": value.state,
        "created_at": value.created_at,
        "expires_at": value.expires_at,
        "label": value.label,
        "authenticator": authenticator(value.authenticator) if value.authenticator else None,
        **_shown(services, value),
    }


def _shown(services: Services, value: Enrollment) -> dict[str, object]:
    shown = dict(value.shown)
    if code := shown.pop("code", None):
        uri = claim_uri(services.issuer, str(code))
        return {"uri": uri, "qr_svg": qr.svg(uri), "manual_code": crockford.grouped(str(code))}
    if "otpauth_uri" in shown:
        shown["qr_svg"] = qr.svg(str(shown["otpauth_uri"]))
    return shown
