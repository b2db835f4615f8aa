"""`mfa entra check`: everything on which an exchange with Microsoft Entra depends, looked at.

What is published is fetched as Entra fetches it; what cannot be seen from here is replayed.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from mfa_service import jose
from mfa_service.adapters.probe import Probe, Probed, ProbeFailed
from mfa_service.adapters.remote_issuer import DISCOVERY
from mfa_service.adapters.signing_keys import RS256
from mfa_service.domain.entra import Tenant
from mfa_service.domain.oauth import OAuthError
from mfa_service.domain.subject import Client

from .authorizations import NEEDED_SCOPE
from .client_authentication import ClientAuthentication
from .entra_replay import ACR, AMR, NONCE, SUB, Replay
from .foundation import Foundation

OTHER_TENANT = "00000000-0000-0000-0000-000000000000"
_SECONDS_APART = 60
_PROMISES: Mapping[str, str] = {
    "response_types_supported": "id_token",
    "scopes_supported": "openid",
    "claim_types_supported": "normal",
    "id_token_signing_alg_values_supported": RS256,
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: as it has to be, or what is wrong and what to do."""

    about: str
    held: bool
    text: str


@dataclass(slots=True)
class Report:
    """Findings in the order in which they were made."""

    findings: list[Finding] = field(default_factory=list)

    def note(self, about: str, held: object, good: str, bad: str) -> bool:
        """Add one, and tell whether it held."""
        self.findings.append(Finding(about, bool(held), good if held else bad))
        return bool(held)


class EntraCheck:
    """Looks at our settings, at what we publish, and at what Entra publishes."""

    def __init__(
        self, foundation: Foundation, clients: ClientAuthentication, replay: Replay, probe: Probe
    ) -> None:
        self._f = foundation
        self._clients = clients
        self._replay = replay
        self._probe = probe

    def run(self, tenants: tuple[Tenant, ...]) -> list[Finding]:
        """Return every finding: first what all tenants share, then one tenant after the other."""
        report = Report()
        keys = self._published(report)
        for tenant in tenants:
            client = self._client(report, tenant)
            self._cloud(report, tenant)
            if client is not None:
                self._exchange(report, tenant, client, keys)
        return report.findings

    def _published(self, report: Report) -> list[Mapping[str, object]]:
        """Look at our metadata and keys from outside, and return the keys."""
        issuer = self._f.issuer
        report.note(
            "issuer",
            issuer.startswith("https://"),
            f"{issuer} is https",
            f"{issuer} is not https: Entra refuses it. Set MFA_ISSUER.",
        )
        probed = self._fetched(report, "discovery", issuer + DISCOVERY)
        if probed is None:
            return []
        report.note(
            "discovery",
            "content-length" in probed.headers,
            "it comes with a Content-Length",
            "it comes without Content-Length, which Entra needs: look at the proxy.",
        )
        report.note(
            "discovery",
            probed.body.get("issuer") == issuer,
            "it names this issuer",
            "it names another issuer than MFA_ISSUER: another service answers at that address.",
        )
        for name, value in _PROMISES.items():
            listed = probed.body.get(name)
            report.note(
                "discovery",
                isinstance(listed, list) and value in listed,
                f"{name} has {value}",
                f"{name} lacks {value}: the service that answers runs without MFA_ENTRA.",
            )
        published = self._fetched(report, "keys", str(probed.body.get("jwks_uri")))
        listed = None if published is None else published.body.get("keys")
        listed = listed if isinstance(listed, list) else []
        keys: list[Mapping[str, object]] = [key for key in listed if isinstance(key, dict)]
        self._keys(report, keys)
        return keys

    def _keys(self, report: Report, keys: list[Mapping[str, object]]) -> None:
        at = datetime.fromtimestamp(self._f.clock.now(), UTC)
        ours = self._f.keys.signer_for(RS256).kid
        found = [key for key in keys if key.get("alg") == RS256]
        for key in found:
            report.note(
                "keys",
                _certified(key, at),
                f"{key.get('kid')} has a certificate (x5c) that fits and is valid",
                f"{key.get('kid')} has no certificate (x5c) that fits and is valid:"
                " run `mfa keys rotate --alg RS256`.",
            )
        report.note(
            "keys",
            ours in {key.get("kid") for key in found},
            f"{ours}, which signs, is published",
            f"{ours}, which signs here, is not published there: this command and the service use"
            " different databases.",
        )

    def _client(self, report: Report, tenant: Tenant) -> Client | None:
        about, found = f"client {tenant.client_id}", self._clients.find(tenant.client_id)
        report.note(
            about,
            found,
            "is registered",
            "is not registered, or disabled: give MFA_ENTRA the id that `mfa client add` said.",
        )
        if found is None:
            return None
        uri = tenant.cloud.redirect_uri
        report.note(
            about,
            NEEDED_SCOPE in found.scopes,
            f"has the scope {NEEDED_SCOPE}",
            f"lacks the scope {NEEDED_SCOPE}.",
        )
        report.note(
            about,
            uri in found.redirect_uris,
            f"has the redirect URI of the cloud {tenant.cloud.name}",
            f"lacks the redirect URI {uri} of the cloud {tenant.cloud.name}.",
        )
        report.note(
            about,
            found.metadata.id_token_signed_response_alg == RS256,
            "gets id tokens in RS256",
            "gets id tokens in another algorithm than RS256, the only one that Entra knows.",
        )
        return found

    def _cloud(self, report: Report, tenant: Tenant) -> None:
        """Look at what Entra publishes: of the cloud, whose keys we take, and of the tenant."""
        cloud, about = tenant.cloud, f"tenant {tenant.tenant_id}"
        probed = self._fetched(report, f"cloud {cloud.name}", cloud.metadata)
        if probed is not None:
            report.note(
                f"cloud {cloud.name}",
                probed.body.get("issuer") == cloud.issuer,
                f"its issuer is {cloud.issuer}",
                f"its issuer is {probed.body.get('issuer')}, not {cloud.issuer}.",
            )
            self._clock(report, probed)
            self._fetched(report, f"cloud {cloud.name}", str(probed.body.get("jwks_uri")))
        own = self._fetched(report, about, f"{tenant.issuer}{DISCOVERY}")
        if own is not None:
            report.note(
                about,
                own.body.get("issuer") == tenant.issuer,
                f"its issuer is {tenant.issuer}",
                f"its issuer is {own.body.get('issuer')}: look at tenant_id and cloud.",
            )

    def _clock(self, report: Report, probed: Probed) -> None:
        try:
            theirs = parsedate_to_datetime(probed.headers.get("date", "")).timestamp()
        except ValueError:
            return
        apart = round(self._f.clock.now() - theirs)
        report.note(
            "clock",
            abs(apart) <= _SECONDS_APART,
            "agrees with Entra's",
            f"is {apart} s from Entra's: synchronize it (NTP), or hints seem too old.",
        )

    def _exchange(
        self,
        report: Report,
        tenant: Tenant,
        client: Client,
        keys: list[Mapping[str, object]],
    ) -> None:
        about = f"exchange with {tenant.tenant_id}"
        try:
            token = self._replay.run(tenant, client)
        except OAuthError as exc:
            report.note(about, held=False, good="", bad=f"{exc.error}: {exc.description}")
            return
        faults = self._faults(token, client, keys)
        report.note(
            about,
            not faults,
            "replayed: the id token is as Entra wants it",
            f"the id token would be refused by Entra for its {', '.join(faults)}.",
        )
        at = self._f.clock.now()
        for name, changed in (
            ("of another tenant", {"tid": OTHER_TENANT}),
            ("for another application", {"aud": OTHER_TENANT}),
            ("that is too old", {"iat": at - 3600}),
        ):
            report.note(
                about,
                self._replay.is_refused(tenant, client, **changed),
                f"a hint {name} is refused",
                f"a hint {name} is taken: do not run this version.",
            )

    def _faults(self, token: str, client: Client, keys: list[Mapping[str, object]]) -> list[str]:
        """Return what Entra would not take, by the rules of its reference."""
        jws = jose.parse(token, typ=("JWT",), members={"alg", "typ", "kid"})
        claims, at = jws.claims, self._f.clock.now()
        key = next((dict(key) for key in keys if key.get("kid") == jws.header["kid"]), None)
        rules = {
            "algorithm": jws.header["alg"] == RS256,
            "signature": key is not None and _verifies(jws, key),
            "iss": claims.get("iss") == self._f.issuer,
            "aud": claims.get("aud") == client.id,
            "times": jose.integer(claims, "iat") <= at < jose.integer(claims, "exp"),
            "sub": claims.get("sub") == SUB,
            "nonce": claims.get("nonce") == NONCE,
            "acr": claims.get("acr") == ACR,
            "amr": claims.get("amr") == [AMR],
        }
        return [name for name, held in rules.items() if not held]

    def _fetched(self, report: Report, about: str, url: str) -> Probed | None:
        try:
            probed = self._probe.get(url)
        except ProbeFailed as exc:
            bad = f"{url} cannot be fetched: {exc}."
            report.note(about, held=False, good="", bad=bad)
            return None
        report.note(about, held=True, good=f"{url} can be fetched", bad="")
        return probed


def _verifies(jws: jose.Jws, key: dict[str, object]) -> bool:
    try:
        jose.verify_jwk(jws, key, algorithms=frozenset({RS256}))
    except jose.JoseError:
        return False
    return True


def _certified(key: Mapping[str, object], at: datetime) -> bool:
    """Tell whether `x5c` begins with a certificate over this very key that is valid now."""
    chain = key.get("x5c")
    try:
        first = chain[0] if isinstance(chain, list) else ""
        found = x509.load_der_x509_certificate(base64.b64decode(first, validate=True))
        public = found.public_key()
    except (ValueError, IndexError, TypeError):
        return False
    if not isinstance(public, RSAPublicKey):
        return False
    numbers = public.public_numbers()
    same = jose.b64url(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big")) == key.get("n")
    return same and found.not_valid_before_utc <= at <= found.not_valid_after_utc
