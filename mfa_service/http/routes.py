"""Every operation of the JSON API, in one table."""

from mfa_service.http import backchannel, challenges, enrollments
from mfa_service.http import documents as doc
from mfa_service.http import schemas as shape

from .device_routes import DEVICE_OPERATIONS
from .me_routes import ME_OPERATIONS
from .operations import Operation

_OPEN = ("mfa:challenge",)
_ENROLL = ("mfa:enroll", "mfa:admin")
_ADMIN = ("mfa:admin",)
_CHALLENGE = "/v1/challenges/<id:challenge_id>"
_ENROLLMENT = "/v1/enrollments/<id:enrollment_id>"
_AUTHENTICATOR = "/v1/authenticators/<id:authenticator_id>"
_IDEMPOTENCY = ("idempotency-key-reused", "idempotency-in-progress", "idempotency-expired")

_CHALLENGES = (
    Operation(
        "POST",
        "/v1/challenges",
        "openChallenge",
        "Ask a subject to prove presence",
        challenges.open_challenge,
        scopes=_OPEN,
        body=shape.ChallengeRequestSchema(),
        idempotent=True,
        about_subject=True,
        replies={201: doc.ChallengeDocument()},
        problems=("acr-unattainable", *_IDEMPOTENCY),
    ),
    Operation(
        "GET",
        _CHALLENGE,
        "readChallenge",
        "Read a challenge, waiting for a change if asked",
        challenges.read_challenge,
        scopes=_OPEN,
        query=shape.WaitQuery(),
        replies={200: doc.ChallengeDocument()},
        problems=("not-found",),
    ),
    Operation(
        "POST",
        f"{_CHALLENGE}/answers",
        "answerChallenge",
        "Answer with one proof",
        challenges.answer_challenge,
        scopes=_OPEN,
        body=shape.AnswerSchema(),
        idempotent=True,
        replies={200: doc.ChallengeDocument()},
        problems=("not-found", "proof-rejected", "challenge-not-open", *_IDEMPOTENCY),
    ),
    Operation(
        "POST",
        f"{_CHALLENGE}/webauthn",
        "webauthnOptions",
        "Get WebAuthn request options",
        challenges.webauthn_options,
        scopes=_OPEN,
        replies={200: doc.RequestOptionsDocument()},
        problems=("not-found", "challenge-not-open", "authenticator-not-active"),
    ),
    Operation(
        "POST",
        f"{_CHALLENGE}/push",
        "pushAgain",
        "Notify the phone once more",
        challenges.push_again,
        scopes=_OPEN,
        body=shape.PushAgainSchema(),
        body_optional=True,
        replies={202: doc.ChallengeDocument()},
        problems=("not-found", "challenge-not-open", "authenticator-not-active", "throttled"),
    ),
    Operation(
        "DELETE",
        _CHALLENGE,
        "cancelChallenge",
        "Cancel a challenge",
        challenges.cancel_challenge,
        scopes=_OPEN,
        replies={204: None},
        problems=("not-found", "challenge-not-open"),
    ),
)

_ENROLLMENTS = (
    Operation(
        "POST",
        "/v1/enrollments",
        "startEnrollment",
        "Tie a new authenticator to a subject",
        enrollments.start_enrollment,
        scopes=_ENROLL,
        body=shape.EnrollmentRequestSchema(),
        idempotent=True,
        secret=True,
        replies={201: doc.EnrollmentDocument()},
        problems=("binding-requires-step-up", "enrollment-not-open", *_IDEMPOTENCY),
    ),
    Operation(
        "GET",
        _ENROLLMENT,
        "readEnrollment",
        "Read an enrollment",
        enrollments.read_enrollment,
        scopes=_ENROLL,
        replies={200: doc.EnrollmentDocument()},
        problems=("not-found",),
    ),
    Operation(
        "POST",
        f"{_ENROLLMENT}/confirm",
        "confirmEnrollment",
        "Finish an enrollment",
        enrollments.confirm_enrollment,
        scopes=_ENROLL,
        body=shape.ConfirmSchema(),
        idempotent=True,
        replies={200: doc.EnrollmentDocument()},
        problems=(
            "not-found",
            "proof-rejected",
            "enrollment-not-open",
            "binding-requires-step-up",
            *_IDEMPOTENCY,
        ),
    ),
    Operation(
        "DELETE",
        _ENROLLMENT,
        "cancelEnrollment",
        "End an enrollment",
        enrollments.cancel_enrollment,
        scopes=_ENROLL,
        replies={204: None},
        problems=("not-found", "enrollment-not-open"),
    ),
)

_USERS = (
    Operation(
        "GET",
        "/v1/users",
        "findUsers",
        "Find the user with a subject",
        enrollments.find_users,
        scopes=_ENROLL,
        query=shape.SubQuery(),
        replies={200: doc.UsersDocument()},
    ),
    Operation(
        "GET",
        "/v1/users/<id:user_id>",
        "readUser",
        "Read a user",
        enrollments.read_user,
        scopes=_ENROLL,
        replies={200: doc.UserDocument()},
        problems=("not-found",),
    ),
    Operation(
        "DELETE",
        "/v1/users/<id:user_id>",
        "eraseUser",
        "Erase a person's data",
        enrollments.erase_user,
        scopes=_ADMIN,
        query=shape.ReasonQuery(),
        replies={204: None},
        problems=("not-found",),
    ),
    Operation(
        "PUT",
        "/v1/users/<id:user_id>/user-code",
        "setUserCode",
        "Set what CIBA clients have to know before they may ask",
        backchannel.set_user_code,
        scopes=_ENROLL,
        body=shape.UserCodeSchema(),
        replies={204: None},
        problems=("not-found",),
    ),
    Operation(
        "DELETE",
        "/v1/users/<id:user_id>/user-code",
        "removeUserCode",
        "Let CIBA clients ask without a code",
        backchannel.remove_user_code,
        scopes=_ENROLL,
        replies={204: None},
        problems=("not-found",),
    ),
    Operation(
        "GET",
        "/v1/authenticators",
        "listAuthenticators",
        "List what a subject has",
        enrollments.list_authenticators,
        scopes=_ENROLL,
        query=shape.SubQuery(),
        replies={200: doc.AuthenticatorsDocument()},
    ),
    Operation(
        "GET",
        _AUTHENTICATOR,
        "readAuthenticator",
        "Read an authenticator",
        enrollments.read_authenticator,
        scopes=_ENROLL,
        replies={200: doc.AuthenticatorDocument()},
        problems=("not-found",),
    ),
    Operation(
        "PATCH",
        _AUTHENTICATOR,
        "changeAuthenticator",
        "Rename, suspend or reactivate an authenticator",
        enrollments.change_authenticator,
        scopes=_ENROLL,
        body=shape.AuthenticatorPatchSchema(),
        replies={200: doc.AuthenticatorDocument()},
        problems=("not-found", "authenticator-not-active", "binding-requires-step-up"),
    ),
    Operation(
        "DELETE",
        _AUTHENTICATOR,
        "removeAuthenticator",
        "Revoke an authenticator",
        enrollments.remove_authenticator,
        scopes=_ENROLL,
        query=shape.RemoveQuery(),
        replies={204: None},
        problems=("not-found", "binding-requires-step-up"),
    ),
)

_ACCOUNT = (
    Operation(
        "POST",
        "/v1/account-links",
        "makeAccountLink",
        "Make a link with which a person manages how they sign in",
        enrollments.make_account_link,
        scopes=("mfa:enroll",),
        body=shape.AccountLinkRequestSchema(),
        replies={201: doc.AccountLinkDocument()},
    ),
)

OPERATIONS: tuple[Operation, ...] = (
    *_CHALLENGES,
    *_ENROLLMENTS,
    *_USERS,
    *_ACCOUNT,
    *ME_OPERATIONS,
    *DEVICE_OPERATIONS,
)
