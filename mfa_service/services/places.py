"""Where WebAuthn ceremonies are begun, and the origins from which each may be answered."""

from mfa_service.domain.factor import API, PAGE, PHONE, Place
from mfa_service.domain.origins import origin_of
from mfa_service.domain.subject import Client

from .foundation import Foundation


def api_of(foundation: Foundation, client: Client) -> Place:
    """Return the API as this client uses it: `MFA_ORIGINS` and the client's own origins."""
    return Place(API, (*foundation.origins, *client.origins))


def hosted_page(foundation: Foundation) -> Place:
    """Return our own pages: the issuer's origin and no other."""
    return Place(PAGE, (origin_of(foundation.issuer),))


def phone_app(foundation: Foundation) -> Place:
    """Return the app on a phone: `MFA_APP_ORIGINS`."""
    return Place(PHONE, foundation.app_origins)
