"""Mail against a real server, with and without TLS and login."""

from __future__ import annotations

import dataclasses
import email.utils
import re
import socket
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import quote

import pytest

from ratchet.pipeline.notify.deliver import DeliveryError, deliver
from ratchet.pipeline.notify.message import Notice, notice_of_result
from ratchet.pipeline.notify.target import parse_targets
from ratchet.schemas.artifacts.decisions import Reason
from tests.pipeline.notify.mail_server import PASSWORD, USER, MailServer, mail_server, write_certificate
from tests.pipeline.notify.notices import result

NOTICE = notice_of_result(result(), "digits", Path("root"))


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_certificate(tmp_path_factory.mktemp("tls") / "server.pem")


@pytest.fixture
def _trusted(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))  # as anyone with an authority of their own would


def send(
    server: MailServer,
    login: str = "",
    scheme: str = "smtp",
    notice: Notice = NOTICE,
    recipients: Sequence[str] = ("team@example.org", "boss+ml@example.org"),
    timeout_s: float = 5,
) -> None:
    url = f"{scheme}://{login}127.0.0.1:{server.port}?from=bot@example.org" + "".join(f"&to={to}" for to in recipients)
    [target] = parse_targets([url], {})
    deliver(target, notice, timeout_s)


LOGIN = f"{quote(USER, safe='')}:{quote(PASSWORD, safe='')}@"


def test_a_plain_mail_with_the_headers_that_it_needs() -> None:
    with mail_server() as server:
        send(server)
    [(sender, recipients, tls, mail)] = server.envelopes
    assert (sender, recipients, tls) == ("bot@example.org", ["team@example.org", "boss+ml@example.org"], False)
    assert mail["Subject"] == f"[ratchet] {NOTICE.title}"
    assert mail["Subject"].startswith("[ratchet] BLOCKED digits span 3: map_drop: ")
    assert (mail["From"], mail["To"]) == ("bot@example.org", "team@example.org, boss+ml@example.org")
    assert abs(datetime.now(timezone.utc) - email.utils.parsedate_to_datetime(mail["Date"])) < timedelta(minutes=1)
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", mail["Message-ID"])
    assert mail.get_content_type() == "text/plain"
    assert mail.get_content().splitlines() == NOTICE.to_text().splitlines()


def test_letters_of_the_world_arrive() -> None:
    notice = notice_of_result(
        result(reasons=(Reason("class_drop:Kätzchen 猫", "mehr", "0,1 🐈"),)), "digits", Path("r")
    )
    with mail_server() as server:
        send(server, notice=notice)
    assert "class_drop:Kätzchen 猫" in server.mail()["Subject"]
    assert "0,1 🐈" in server.mail().get_content()


def test_a_line_that_is_longer_than_a_mail_may_have_arrives_whole() -> None:
    notice = dataclasses.replace(NOTICE, command="ratchet " + "x" * 3000)
    with mail_server() as server:
        send(server, notice=notice)
    assert "x" * 3000 in server.mail().get_content()


@pytest.mark.usefixtures("_trusted")
def test_tls_is_used_where_the_server_offers_it(certificate: Path) -> None:
    with mail_server(certificate) as server:
        send(server)
    assert server.envelopes[0][2]


@pytest.mark.usefixtures("_trusted")
def test_login_over_starttls(certificate: Path) -> None:
    with mail_server(certificate, auth=True) as server:
        send(server, LOGIN)
    assert server.logins == [PASSWORD]
    assert server.envelopes[0][2]


@pytest.mark.usefixtures("_trusted")
def test_login_over_tls_from_the_first_byte(certificate: Path) -> None:
    with mail_server(certificate, implicit=True, auth=True) as server:
        send(server, LOGIN, scheme="smtps")
    assert server.logins == [PASSWORD]
    assert len(server.envelopes) == 1


def test_a_password_never_goes_over_a_line_without_tls() -> None:
    with mail_server(auth=True, over_tls_alone=False) as server, pytest.raises(DeliveryError, match="no STARTTLS"):
        send(server, LOGIN)
    assert server.logins == []
    assert server.envelopes == []


def test_nor_to_a_server_whose_certificate_nobody_vouches_for(certificate: Path) -> None:
    with mail_server(certificate, auth=True) as server:
        with pytest.raises(DeliveryError, match=r"certificate is not trusted: .*; SSL_CERT_FILE"):
            send(server, LOGIN)
        assert server.logins == []


@pytest.mark.usefixtures("_trusted")
def test_a_wrong_password_is_said_and_not_shown(certificate: Path) -> None:
    with mail_server(certificate, auth=True) as server:
        with pytest.raises(DeliveryError) as refused:
            send(server, f"{quote(USER, safe='')}:sesame@")
        assert set(server.logins) == {"sesame"}  # by each of the ways to log in
    assert str(refused.value) == "SMTP 535: user or password refused"


def test_a_login_that_the_server_wants_and_nobody_gave() -> None:
    wanted = pytest.raises(DeliveryError, match=r"^SMTP 530: .*[Aa]uthentication required")
    with mail_server(auth=True, over_tls_alone=False) as server, wanted:
        send(server)


def test_an_unknown_recipient_is_said_and_the_others_get_it() -> None:
    with mail_server() as server:
        server.refused = {"boss+ml@example.org"}
        with pytest.raises(DeliveryError, match=r"^1 of 2 recipients refused: SMTP 550: nobody of that name"):
            send(server)
    assert server.envelopes[0][1] == ["team@example.org"]


def test_no_recipient_at_all() -> None:
    with mail_server() as server:
        server.refused = {"team@example.org"}
        with pytest.raises(DeliveryError, match=r"^1 of 1 recipients refused: SMTP 550: nobody of that name"):
            send(server, recipients=["team@example.org"])
    assert server.envelopes == []


def test_a_server_that_hangs_up_is_asked_once_more() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        calls: list[int] = []

        def hang_up() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                calls.append(1)
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        with pytest.raises(DeliveryError, match=r"^the connection was closed$"):
            send(MailServer(listener.getsockname()[1]))
        thread.join(5)
    assert len(calls) == 2


def test_a_server_that_never_answers_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.1)
        with pytest.raises(DeliveryError, match=r"^no answer within 0\.3 s$"):
            send(MailServer(listener.getsockname()[1]), timeout_s=0.3)
        listener.accept()
        with pytest.raises(TimeoutError):  # a second attempt would wait here
            listener.accept()
