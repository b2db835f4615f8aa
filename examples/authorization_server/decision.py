"""Decide what an authorization request still needs: a password, a step-up, or nothing more."""

from dataclasses import dataclass

from examples.authorization_server.wanted import PASSWORD_ONLY, Wanted

EVIDENCE_SECONDS = 900


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the step-up service vouched for in one verified result token; `auth_time` in seconds."""

    sub: str
    acr: str
    acr_satisfied: tuple[str, ...]
    amr: tuple[str, ...]
    auth_time: int


@dataclass(frozen=True, slots=True)
class Standing:
    """Who is signed in here, since when by password, and what was verified beyond it."""

    sub: str
    name: str
    password_at: int
    evidence: Evidence | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """What this one authorization request has already caused."""

    signed_in: bool = False
    verified: Evidence | None = None
    waived: bool = False
    refused: "Refuse | None" = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """Ask for the password."""


@dataclass(frozen=True, slots=True)
class StepUp:
    """Open a challenge at the step-up service."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Answer the client with this authentication."""

    sub: str
    name: str
    acr: str
    amr: tuple[str, ...]
    auth_time: int
    tx_hash: str | None = None


@dataclass(frozen=True, slots=True)
class Refuse:
    """Answer the client with this error code and a text for its developer."""

    error: str
    text: str


def decide(
    wanted: Wanted, standing: Standing | None, progress: Progress, *, at: int
) -> SignIn | StepUp | Grant | Refuse:
    """Return the next step.

    A level that the session already has and that is fresh enough costs no new challenge; a
    transaction always does, because each one has to be shown and confirmed. An essential level
    that nobody here can vouch for is refused without asking anybody (OpenID Connect
    unmet_authentication_requirements 1.0).
    """
    if progress.refused is not None:
        return progress.refused
    verified = progress.verified
    if standing is not None and verified is not None and verified.sub == standing.sub:
        return _grant(standing, verified, verified.acr, wanted.tx_hash)
    if standing is None or _password_needed(wanted, standing, progress, at):
        return Refuse("login_required", "nobody is signed in") if wanted.silent else SignIn()
    return (
        _impossible(wanted, standing) or _present(wanted, standing, progress, at) or _more(wanted)
    )


def _impossible(wanted: Wanted, standing: Standing) -> Refuse | None:
    if wanted.sub not in {None, standing.sub}:
        return Refuse("login_required", "somebody else is signed in")
    if wanted.asked and wanted.essential and not wanted.levels:
        return Refuse("unmet_authentication_requirements", "no such acr is available here")
    return None


def _more(wanted: Wanted) -> StepUp | Refuse:
    return Refuse("interaction_required", "a step-up is needed") if wanted.silent else StepUp()


def _password_needed(wanted: Wanted, standing: Standing, progress: Progress, at: int) -> bool:
    if progress.signed_in:
        return False
    return wanted.login or (
        wanted.max_age is not None and at - standing.password_at > wanted.max_age
    )


def _present(wanted: Wanted, standing: Standing, progress: Progress, at: int) -> Grant | None:
    """Return what the session already has, if that is enough."""
    if wanted.transaction is not None:
        return None
    evidence = _fresh(standing, wanted, at)
    satisfied = evidence.acr_satisfied if evidence else (PASSWORD_ONLY,)
    reached = next((level for level in wanted.levels if level in satisfied), None)
    if wanted.levels and reached is None and not progress.waived:
        return None
    return _grant(standing, evidence, reached or satisfied[-1], None)


def _fresh(standing: Standing, wanted: Wanted, at: int) -> Evidence | None:
    longest = min(EVIDENCE_SECONDS, wanted.max_age or EVIDENCE_SECONDS)
    evidence = standing.evidence
    if evidence is None or evidence.sub != standing.sub or at - evidence.auth_time > longest:
        return None
    return evidence


def _grant(standing: Standing, evidence: Evidence | None, acr: str, tx_hash: str | None) -> Grant:
    return Grant(
        sub=standing.sub,
        name=standing.name,
        acr=acr,
        amr=evidence.amr if evidence else ("pwd",),
        auth_time=evidence.auth_time if evidence else standing.password_at,
        tx_hash=tx_hash,
    )
