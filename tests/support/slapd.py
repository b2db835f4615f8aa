"""OpenLDAP's server with a small directory: started on loopback, changed, stopped, started anew."""

import itertools
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mfa_service.adapters import ldap_session

from .leash import Leash, free_port
from .tls import Authority

ldap3: Any = vars(ldap_session)["ldap3"]
"""As our code imports it: without the warnings of what it imports."""

SUFFIX = "dc=example,dc=test"
SERVICES, GROUPS = f"ou=services,{SUFFIX}", f"ou=groups,{SUFFIX}"
ADMIN, ADMIN_SECRET = f"cn=admin,{SUFFIX}", "only-the-tests-know"
READER, READER_SECRET = f"cn=reader,{SUFFIX}", "reads-and-no-more"
_START_SECONDS = 20
_CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/slapd.pid
argsfile {folder}/slapd.args
modulepath /usr/lib/ldap
moduleload back_mdb
# An empty password makes a bind succeed that proves nothing: what we must never send.
allow bind_anon_cred bind_anon_dn
{tls}
database mdb
maxsize 10485760
suffix "{suffix}"
rootdn "{admin}"
rootpw {secret}
directory {folder}/db
index objectClass,uid,member eq
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{reader}" read by anonymous auth by * none
"""
_TLS = """\
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
"""
_BASE = f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: {READER}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {READER_SECRET}

dn: {SERVICES}
objectClass: organizationalUnit
ou: services

dn: {GROUPS}
objectClass: organizationalUnit
ou: groups
"""


@dataclass
class Slapd:
    """A directory with a life: it can be stopped and started on the same port, with its data."""

    folder: Path
    port: int
    tls_port: int
    authority: Authority | None = None
    _process: subprocess.Popen[bytes] | None = field(default=None, repr=False)
    _leash: Leash | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def env(self) -> dict[str, str]:
        """Return the settings of a service whose clients are here."""
        return {
            "MFA_LDAP_URL": self.url,
            "MFA_LDAP_BIND_DN": READER,
            "MFA_LDAP_BIND_PASSWORD": READER_SECRET,
            "MFA_LDAP_BASE": SERVICES,
            "MFA_LDAP_GROUP_BASE": GROUPS,
            "MFA_LDAP_NAME": "description",
            "MFA_LDAP_DISABLED": "(host=disabled)",
            "MFA_LDAP_SCOPES": "openers=mfa:challenge, enrollers=mfa:challenge mfa:enroll",
            "MFA_LDAP_TIMEOUT": "10",  # a busy machine is no outage; who needs one sets its own
        }

    def start(self) -> None:
        """Serve, and return when it answers."""
        addresses = [self.url] + ([f"ldaps://127.0.0.1:{self.tls_port}"] if self.authority else [])
        with (self.folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    *("/usr/sbin/slapd", "-d", "256", "-f", str(self.folder / "slapd.conf")),
                    *("-h", " ".join(f"{address}/" for address in addresses)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._leash = Leash(self._process.pid, "KILL")
        deadline = time.monotonic() + _START_SECONDS
        while not _answers(self.port):
            self._check_runs(deadline)
            time.sleep(0.02)
        self._check_runs(deadline)  # it was not somebody else who took the port meanwhile

    def _check_runs(self, deadline: float) -> None:
        ended = self._process is None or self._process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise RuntimeError(f"slapd did not start:\n{self.log()}")

    def stop(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, by its own process id."""
        if self._process is None or self._leash is None:
            return
        if self._process.poll() is None:
            os.kill(self._process.pid, how)
        self._process.wait(timeout=20)
        self._leash.let_go()
        self._process = self._leash = None

    def log(self) -> str:
        """Return what it logged: each connection, bind and search."""
        return (self.folder / "slapd.log").read_text(errors="replace")

    def account(self, uid: str, secret: str = "", *, below: str = SERVICES, **more: str) -> str:
        """Add a service account and return its DN; without a secret it can never bind."""
        dn = f"uid={_dn_escaped(uid)},{below}"
        plain = {"objectClass": ["account", *(["simpleSecurityObject"] if secret else [])]}
        given = {"uid": uid, **({"userPassword": secret} if secret else {}), **more}
        self.add(dn, plain | given)
        return dn

    def group(self, name: str, *members: str, below: str = GROUPS, **more: Any) -> str:
        """Add a group and return its DN."""
        dn = f"cn={name},{below}"
        values = {"objectClass": "groupOfNames", "cn": name, "member": list(members), **more}
        self.add(dn, values)
        return dn

    def add(self, dn: str, values: Mapping[str, Any]) -> None:
        with self._admin() as connection:
            assert connection.add(dn, attributes=dict(values)), connection.result

    def add_all(self, entries: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        with self._admin() as connection:
            for dn, values in entries:
                assert connection.add(dn, attributes=dict(values)), connection.result

    def accepts_unauthenticated_binds(self) -> bool:
        """Tell whether a name with an empty password is a success (RFC 4513 §5.1.2)."""
        request = bytes.fromhex("3010 0201 01 600b 0201 03 0404") + b"dc=x" + bytes.fromhex("8000")
        with socket.create_connection(("127.0.0.1", self.port), timeout=5) as plain:
            plain.sendall(request)
            return b"\x0a\x01\x00" in plain.recv(1024)

    def change(self, dn: str, attribute: str, values: Sequence[str]) -> None:
        """Replace the values of an attribute."""
        with self._admin() as connection:
            changes = {attribute: [(ldap3.MODIFY_REPLACE, list(values))]}
            assert connection.modify(dn, changes), connection.result

    def delete(self, dn: str) -> None:
        with self._admin() as connection:
            assert connection.delete(dn), connection.result

    @contextmanager
    def _admin(self) -> Iterator[Any]:
        server = ldap3.Server("127.0.0.1", self.port, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, ADMIN, ADMIN_SECRET, check_names=False)
        try:
            assert connection.bind(), connection.result
            yield connection
        finally:
            connection.unbind()


_FOLDERS = itertools.count()


@contextmanager
def slapd(tmp_path: Path, authority: Authority | None = None) -> Iterator[Slapd]:
    """Lend a directory with two empty branches; with an authority it also speaks TLS."""
    folder = tmp_path / f"slapd-{next(_FOLDERS)}"
    (folder / "db").mkdir(parents=True)
    if authority is not None:
        authority.write_server(folder)
    made = Slapd(folder, free_port(), free_port(), authority)
    config = _CONFIG.format(
        folder=folder,
        suffix=SUFFIX,
        admin=ADMIN,
        secret=ADMIN_SECRET,
        reader=READER,
        tls=_TLS.format(folder=folder) if authority else "",
    )
    (folder / "slapd.conf").write_text(config)
    (folder / "base.ldif").write_text(_BASE)
    _filled(folder)
    made.start()
    try:
        yield made
    finally:
        made.stop()


def _filled(folder: Path) -> None:
    files = ("-f", str(folder / "slapd.conf"), "-l", str(folder / "base.ldif"))
    done = subprocess.run(
        ["/usr/sbin/slapadd", "-q", *files], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def _answers(port: int) -> bool:
    """Tell whether an anonymous bind gets its answer: a port that is open answers nothing yet."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as plain:
            plain.sendall(bytes.fromhex("300c 0201 01 6007 0201 03 0400 8000"))
            return b"\x0a\x01\x00" in plain.recv(1024)
    except OSError:
        return False


def _dn_escaped(value: str) -> str:
    """Return a value as an RDN holds it (RFC 4514 §2.4): all but letters and digits as hex."""
    return "".join(
        chr(byte) if chr(byte).isalnum() and byte < 128 else f"\\{byte:02x}"
        for byte in value.encode()
    )
