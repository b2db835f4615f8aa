"""Identifiers: a prefix and 130 random bits in lower-case Crockford base32."""

from typing import NewType

from .crockford import encode_bits
from .ports import Randomness

ChallengeId = NewType("ChallengeId", str)
EnrollmentId = NewType("EnrollmentId", str)
AuthenticatorId = NewType("AuthenticatorId", str)
UserId = NewType("UserId", str)
ClientId = NewType("ClientId", str)
SessionId = NewType("SessionId", str)
AuthorizationId = NewType("AuthorizationId", str)


def _new(prefix: str, randomness: Randomness) -> str:
    return f"{prefix}_{encode_bits(randomness.bytes(17), 26).lower()}"


def new_challenge_id(randomness: Randomness) -> ChallengeId:
    """Return `chl_…`, unguessable."""
    return ChallengeId(_new("chl", randomness))


def new_enrollment_id(randomness: Randomness) -> EnrollmentId:
    """Return `enr_…`, unguessable."""
    return EnrollmentId(_new("enr", randomness))


def new_authenticator_id(randomness: Randomness) -> AuthenticatorId:
    """Return `aut_…`, unguessable."""
    return AuthenticatorId(_new("aut", randomness))


def new_user_id(randomness: Randomness) -> UserId:
    """Return `usr_…`, unguessable; also the pseudonym in the audit table."""
    return UserId(_new("usr", randomness))


def new_client_id(randomness: Randomness) -> ClientId:
    """Return `cli_…`, unguessable."""
    return ClientId(_new("cli", randomness))


def new_session_id(randomness: Randomness) -> SessionId:
    """Return `ses_…`: a name in lists, which opens nothing."""
    return SessionId(_new("ses", randomness))


def new_authorization_id(randomness: Randomness) -> AuthorizationId:
    """Return `azn_…`: an authorization on its way, and the `jti` of what it yields."""
    return AuthorizationId(_new("azn", randomness))
