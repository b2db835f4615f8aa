"""FIDO metadata (MDS3): what a signed BLOB, or a statement in JSON, says of models.

Nothing is fetched: an operator brings the file. A certificate in it that does not load is left
out, as if it were not there: that can only lower what is believed.
"""

import base64
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from mfa_service import jose
from mfa_service.domain import strict_json
from mfa_service.domain.attestation import Model

from . import certificates

PUBLISHER = "mds.fidoalliance.org"
_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_ES256 = ECAlgorithm(ECAlgorithm.SHA256)


class MetadataInvalid(ValueError):
    """The file is not what it has to be; the message is for the operator."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The models of one file. `no` is the serial number of a signed BLOB, else `None`.

    `next_update` is when the publisher promised a newer one (epoch seconds, UTC).
    """

    models: tuple[Model, ...]
    no: int | None = None
    next_update: int | None = None


def signed_metadata(
    blob: bytes, *, roots: Sequence[x509.Certificate], publisher: str, at: int
) -> Metadata:
    """Return what a BLOB (MDS3 §3.1.7) says, once its signature and chain hold at `at`.

    The certificate has to name `publisher`: a public root vouches for all the world's servers.
    Raises `MetadataInvalid`.
    """
    parts = blob.strip().decode("ascii", "replace").split(".")
    if len(parts) != 3:  # noqa: PLR2004
        raise MetadataInvalid("The file is no signed BLOB; --unsigned imports JSON unchecked.")
    try:
        header = _object(jose.unb64url(parts[0]))
        leaf = _leaf_of(header, roots, at=at)
        _check_publisher(leaf, publisher)
        signature = jose.unb64url(parts[2])
        _check_signature(leaf, header, f"{parts[0]}.{parts[1]}".encode(), signature)
        payload = _object(jose.unb64url(parts[1]))
    except jose.JoseError as exc:
        raise MetadataInvalid("The file is no signed BLOB: its encoding is broken.") from exc
    number, until = payload.get("no"), payload.get("nextUpdate")
    if type(number) is not int or not 0 <= number <= strict_json.MAX_INTEGER:
        raise MetadataInvalid("The BLOB has no serial number.")
    return Metadata(_models_of(payload), number, _day(until))


def unsigned_metadata(text: bytes) -> Metadata:
    """Return what JSON says, a BLOB's payload or one statement; the operator vouches for it."""
    payload = _object(text)
    if "entries" not in payload:
        payload = {"entries": [{"aaguid": payload.get("aaguid"), "metadataStatement": payload}]}
    return Metadata(_models_of(payload))


def _object(text: bytes) -> Mapping[str, object]:
    try:
        value = strict_json.loads(text)
    except strict_json.NotStrictJson as exc:
        raise MetadataInvalid("The file holds no JSON object.") from exc
    if not isinstance(value, dict):
        raise MetadataInvalid("The file holds no JSON object.")
    return value


def _leaf_of(
    header: Mapping[str, object], roots: Sequence[x509.Certificate], *, at: int
) -> x509.Certificate:
    x5c = header.get("x5c")
    chain = list(_certificates(x5c if isinstance(x5c, list) else []))
    if not chain:
        raise MetadataInvalid("The BLOB carries no certificate (x5c).")
    if not certificates.is_trusted(chain, roots, at=at):
        raise MetadataInvalid("The BLOB's certificate does not lead to the root, or has expired.")
    return chain[0]


def _check_publisher(leaf: x509.Certificate, publisher: str) -> None:
    try:
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except certificates.FAULTS as exc:
        raise MetadataInvalid("The BLOB's certificate names nobody.") from exc
    if publisher not in names.get_values_for_type(x509.DNSName):
        raise MetadataInvalid(f"The BLOB's certificate is not that of {publisher}.")


def _check_signature(
    leaf: x509.Certificate, header: Mapping[str, object], message: bytes, signature: bytes
) -> None:
    key, alg = leaf.public_key(), header.get("alg")
    if alg == "RS256" and isinstance(key, RSAPublicKey):
        held = _RS256.verify(message, key, signature)
    elif alg == "ES256" and isinstance(key, EllipticCurvePublicKey):
        held = _ES256.verify(message, key, signature)
    else:
        raise MetadataInvalid("The BLOB is signed by an algorithm that is not RS256 or ES256.")
    if not held:
        raise MetadataInvalid("The BLOB's signature does not hold.")


def _models_of(payload: Mapping[str, object]) -> tuple[Model, ...]:
    """Return the FIDO2 models; U2F and UAF entries have no AAGUID and are left out."""
    entries = payload.get("entries")
    found = {model.aaguid: model for model in _each_model(entries)}
    if not found:
        raise MetadataInvalid("The file names no FIDO2 authenticator.")
    return tuple(found[aaguid] for aaguid in sorted(found))


def _each_model(entries: object) -> Iterator[Model]:
    for entry in entries if isinstance(entries, list) else []:
        statement = entry.get("metadataStatement") if isinstance(entry, dict) else None
        aaguid = _aaguid(entry.get("aaguid")) if isinstance(statement, dict) else None
        if aaguid is None or not isinstance(statement, dict):
            continue
        roots = _certificates(_texts(statement.get("attestationRootCertificates")))
        reports = entry.get("statusReports")
        yield Model(
            aaguid,
            str(statement.get("description", "")),
            roots=tuple(root.public_bytes(Encoding.DER) for root in roots),
            key_protection=frozenset(_texts(statement.get("keyProtection"))),
            statuses=frozenset(_statuses(reports if isinstance(reports, list) else [])),
        )


def _statuses(reports: Iterable[object]) -> Iterator[str]:
    """Yield every status ever reported: a later one does not mend keys that were made before."""
    for report in reports:
        status = report.get("status") if isinstance(report, dict) else None
        if isinstance(status, str):
            yield status


def _texts(value: object) -> list[str]:
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _certificates(texts: Iterable[object]) -> Iterator[x509.Certificate]:
    for text in texts:
        try:
            der = base64.b64decode("".join(str(text).split()), validate=True)
            certificate = x509.load_der_x509_certificate(der)
        except ValueError:
            continue
        yield certificate


def _aaguid(value: object) -> str | None:
    try:
        return str(UUID(str(value)))
    except ValueError:
        return None


def _day(value: object) -> int | None:
    try:
        return int(datetime.fromisoformat(str(value)).replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None
