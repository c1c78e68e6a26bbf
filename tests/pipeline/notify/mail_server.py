"""A real mail server on this machine, with a certificate made for it."""

from __future__ import annotations

import contextlib
import datetime
import email
import email.policy
import ipaddress
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

USER, PASSWORD = "ratchet@example.org", "p/a?s#s@w:o+r%d"


@dataclass
class MailServer:
    """What came, and where it listens.

    Attributes:
        port: on 127.0.0.1.
        refused: recipients that it does not know.
        logins: passwords that were sent to it, by any means.
        envelopes: sender, recipients, whether TLS was on, and the mail.
    """

    port: int
    refused: set[str] = field(default_factory=set)
    logins: list[str] = field(default_factory=list)
    envelopes: list[tuple[str, list[str], bool, EmailMessage]] = field(default_factory=list)

    def mail(self) -> EmailMessage:
        """The only one that came."""
        [(_, _, _, mail)] = self.envelopes
        return mail

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        """Part of aiosmtpd's protocol."""
        if address in self.refused:
            return "550 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:
        """Part of aiosmtpd's protocol."""
        mail: Any = email.message_from_bytes(envelope.content, policy=email.policy.default)
        tls = session.ssl is not None
        self.envelopes.append((envelope.mail_from, envelope.rcpt_tos, tls, mail))
        return "250 OK"

    def authenticate(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        """Part of aiosmtpd's protocol."""
        self.logins.append(data.password.decode())
        right = data.login.decode() == USER and data.password.decode() == PASSWORD
        return AuthResult(success=right, handled=right)  # aiosmtpd answers what is not handled


@contextlib.contextmanager
def mail_server(
    certificate: Path | None = None, implicit: bool = False, auth: bool = False, over_tls_alone: bool = True
) -> Iterator[MailServer]:
    """Listens until the block ends.

    Args:
        certificate: with it, STARTTLS is offered.
        implicit: TLS from the first byte instead.
        auth: a login is required.
        over_tls_alone: login is offered only once TLS is on.
    """
    record = MailServer(_free_port())
    context = None
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
    tls = {"ssl_context": context} if implicit else {"tls_context": context}
    options: dict[str, Any] = {"authenticator": record.authenticate, "auth_required": True} if auth else {}
    options["auth_require_tls"] = over_tls_alone and not implicit
    controller = Controller(record, hostname="127.0.0.1", port=record.port, **tls, **options)
    with contextlib.ExitStack() as stack:
        controller.start()
        stack.callback(controller.stop)
        yield record


def write_certificate(file: Path) -> Path:
    """A self-signed certificate of 127.0.0.1 with its key, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM) + key.private_bytes(*form))
    return file


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
