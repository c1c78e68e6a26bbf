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
from typing import Any

from ratchet import __version__
from ratchet.pipeline.notify.message import Notice, mail_message, slack_message
from ratchet.pipeline.notify.target import Mailbox, Target, Webhook
from ratchet.pipeline.terminal.plain_text import cut, one_line
from ratchet.schemas.base.errors import RatchetError

_PAUSE_S = 0.5  # before the second attempt
# It may have been the moment: not an answer, and not a wait that has used up the time.
_CONNECTION_FAILED = (ConnectionError, socket.gaierror, http.client.HTTPException, smtplib.SMTPServerDisconnected)
_WHY = (  # of several that fit, the first
    (TimeoutError, "no answer within {:g} s"),
    (socket.gaierror, "its name cannot be resolved"),
    (ConnectionRefusedError, "connection refused"),
    (smtplib.SMTPNotSupportedError, "it offers no login, or not for these addresses"),
    ((ConnectionError, http.client.HTTPException, smtplib.SMTPException), "the connection was closed"),
)


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
    for is_last in (False, True):
        try:
            return _post(target, notice, timeout_s) if isinstance(target, Webhook) else _mail(target, notice, timeout_s)
        except Exception as error:
            cause = _cause(error)
        if is_last or not isinstance(cause, _CONNECTION_FAILED):
            raise DeliveryError(_why(cause, timeout_s)) from None
        time.sleep(_PAUSE_S)


def _post(target: Webhook, notice: Notice, timeout_s: float) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": f"ratchet/{__version__}"}
    request = urllib.request.Request(target.url, json.dumps(slack_message(notice)).encode(), headers, method="POST")
    urllib.request.build_opener(_NoRedirects).open(request, timeout=timeout_s).close()


def _mail(target: Mailbox, notice: Notice, timeout_s: float) -> None:
    message, context = mail_message(notice, target), ssl.create_default_context()
    if target.implicit_tls:
        server = smtplib.SMTP_SSL(target.host, target.port, timeout=timeout_s, context=context)
    else:
        server = smtplib.SMTP(target.host, target.port, timeout=timeout_s)
    with contextlib.closing(server):
        server.ehlo()
        if not target.implicit_tls and server.has_extn("starttls"):
            server.starttls(context=context)
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
        said = "; ".join(sorted({_answer(*answer) for answer in refused.values()}))
        raise DeliveryError(f"{len(refused)} of {len(target.recipients)} recipients refused: {said}")


def _cause(error: Exception) -> Exception:
    """What is behind a wrapper; smtplib calls even a wait that was too long a lost connection."""
    if isinstance(error, smtplib.SMTPServerDisconnected) and isinstance(error.__context__, OSError):
        return error.__context__
    reason = getattr(error, "reason", None) if type(error) is urllib.error.URLError else None
    return reason if isinstance(reason, Exception) else error


def _why(error: Exception, timeout_s: float) -> str:
    if isinstance(error, DeliveryError):
        return str(error)
    if isinstance(error, urllib.error.HTTPError):
        # Not its body: pages for an unknown address repeat that address.
        return f"HTTP {error.code}" + (", a redirect, which is not followed" if 300 <= error.code < 400 else "")
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {one_line(error.verify_message)}; SSL_CERT_FILE can name your own"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"SMTP {error.smtp_code}: user or password refused"
    if isinstance(error, smtplib.SMTPResponseException):
        return _answer(error.smtp_code, error.smtp_error)
    known = next((text.format(timeout_s) for kinds, text in _WHY if isinstance(error, kinds)), None)
    if known is None and isinstance(error, ssl.SSLError):
        known = f"no TLS: {error.reason}"
    return known or (error.strerror if isinstance(error, OSError) else None) or type(error).__name__


def _answer(code: int, text: bytes | str) -> str:
    readable = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    return cut(f"SMTP {code}: {one_line(readable)}", 120)
