"""One message to one target over the network. What went wrong is said without a URL, a path or a password."""

from __future__ import annotations

import contextlib
import http.client
import json
import smtplib
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any

from pipeline.notify.mail import mail_message
from pipeline.notify.notice import Notice
from pipeline.notify.slack import slack_message
from pipeline.notify.target import Mailbox, Target, Webhook
from pipeline.terminal.plain_text import cut, one_line
from schemas import __version__
from schemas.base.errors import RatchetError

_PAUSE_S = 0.5  # before the second attempt


class DeliveryError(RatchetError):
    """A target did not take a message; the text says why in a few words."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect as the error that it is: a message goes where its URL says, or nowhere."""

    def redirect_request(self, *_: Any) -> None:
        return None


def deliver(target: Target, notice: Notice, timeout_s: float) -> None:
    """Sends a notice, a second time if the connection failed.

    Args:
        target: where to.
        notice: what.
        timeout_s: how long any one answer may take; the caller limits the whole.

    Raises:
        DeliveryError: it was not taken.
    """
    try:
        try:
            _send(target, notice, timeout_s)
        except Exception as error:
            if not _connection_failed(error):
                raise
            time.sleep(_PAUSE_S)
            _send(target, notice, timeout_s)
    except Exception as error:
        raise DeliveryError(_why(_cause(error), timeout_s)) from None


def _send(target: Target, notice: Notice, timeout_s: float) -> None:
    if isinstance(target, Webhook):
        _post(target, notice, timeout_s)
    else:
        _mail(target, notice, timeout_s)


def _post(target: Webhook, notice: Notice, timeout_s: float) -> None:
    request = urllib.request.Request(
        target.url,
        data=json.dumps(slack_message(notice)).encode(),
        headers={"Content-Type": "application/json; charset=utf-8", "User-Agent": f"ratchet/{__version__}"},
        method="POST",
    )
    with urllib.request.build_opener(_NoRedirects).open(request, timeout=timeout_s):
        pass


def _mail(target: Mailbox, notice: Notice, timeout_s: float) -> None:
    message = mail_message(notice, target)
    context = ssl.create_default_context()
    if target.implicit_tls:
        server = smtplib.SMTP_SSL(target.host, target.port, timeout=timeout_s, context=context)
    else:
        server = smtplib.SMTP(target.host, target.port, timeout=timeout_s)
    with contextlib.closing(server):
        server.ehlo()
        if not target.implicit_tls and server.has_extn("starttls"):
            server.starttls(context=context)
            server.ehlo()
        elif not target.implicit_tls and target.user is not None:
            raise DeliveryError("it offers no STARTTLS, so the password was not sent; use smtps:// if it speaks TLS")
        if target.user is not None:
            server.login(target.user, target.password)
        try:
            refused = server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            refused = error.recipients
        with contextlib.suppress(smtplib.SMTPException, OSError):  # it has been taken by now
            server.quit()
    if refused:
        raise DeliveryError(_refused(refused, target))


def _refused(answers: Mapping[str, tuple[int, bytes]], target: Mailbox) -> str:
    said = sorted({_answer(*answer) for answer in answers.values()})
    return f"{len(answers)} of {len(target.recipients)} recipients refused: {'; '.join(said)}"


def _cause(error: Exception) -> Exception:
    """What is behind a wrapper; smtplib calls even a wait that was too long a lost connection."""
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        return error.__context__
    if isinstance(error, urllib.error.URLError) and not isinstance(error, urllib.error.HTTPError):
        return error.reason if isinstance(error.reason, Exception) else error
    return error


def _connection_failed(error: Exception) -> bool:
    """Whether it may have been the moment: not an answer, and not a wait that has used up the time."""
    failures = (ConnectionError, socket.gaierror, http.client.HTTPException, smtplib.SMTPServerDisconnected)
    return isinstance(_cause(error), failures)


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, DeliveryError):
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        # Not its body: pages for an unknown address repeat that address.
        return f"HTTP {error.code}" + (", a redirect, which is not followed" if 300 <= error.code < 400 else "")
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {one_line(error.verify_message)}; SSL_CERT_FILE can name your own"
    if isinstance(error, TimeoutError):
        return f"no answer within {timeout_s:g} s"
    if isinstance(error, socket.gaierror):
        return "its name cannot be resolved"
    return _why_no_mail(error) if isinstance(error, smtplib.SMTPException) else _why_no_connection(error)


def _why_no_mail(error: smtplib.SMTPException) -> str:
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"SMTP {error.smtp_code}: user or password refused"
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return "it offers no login, or not for these addresses"
    return "the connection was closed"


def _answer(code: int, text: bytes | str) -> str:
    readable = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return cut(f"SMTP {code}: {one_line(readable)}", 120)


def _why_no_connection(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, (ConnectionError, http.client.HTTPException)):
        return "the connection was closed"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason}"
    return (error.strerror if isinstance(error, OSError) else None) or type(error).__name__
