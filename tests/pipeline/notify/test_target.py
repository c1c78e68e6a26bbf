from __future__ import annotations

import pytest

from ratchet.pipeline.notify.target import Mailbox, Target, Webhook, parse_targets
from ratchet.schemas.base.errors import ConfigError

MAIL = "smtp://bot:pass@mail.example.org?from=bot@example.org&to=team@example.org"


def parse(url: str, **environment: str) -> Target:
    [target] = parse_targets([url], environment)
    return target


@pytest.mark.parametrize("url", ["https://hooks.slack.com/services/T0/B0/x", "http://localhost:8065/hooks/x?y=%20z"])
def test_a_webhook_keeps_its_url_as_it_is(url: str) -> None:
    target = parse(url)
    assert isinstance(target, Webhook)
    assert target.url == url
    assert target.host in ("hooks.slack.com", "localhost")


def test_a_mailbox_with_everything() -> None:
    target = parse("smtp://me%40a.org:p%2Fa%3As%40s@mail.a.org:2525?from=me@a.org&to=x+tag@b.org&to=y%2Btag@c.org")
    assert target == Mailbox(
        "mail.a.org", 2525, False, "me@a.org", ("x+tag@b.org", "y+tag@c.org"), "me@a.org", "p/a:s@s"
    )


@pytest.mark.parametrize(("scheme", "port", "implicit"), [("smtp", 587, False), ("smtps", 465, True)])
def test_the_scheme_gives_port_and_tls(scheme: str, port: int, implicit: bool) -> None:
    target = parse(f"{scheme}://mail.example.org?from=a@b.org&to=c@d.org")
    assert isinstance(target, Mailbox)
    assert (target.port, target.implicit_tls, target.user) == (port, implicit, None)


def test_an_environment_variable_holds_any_of_them() -> None:
    assert parse("env:HOOK", HOOK=" https://hooks.example.org/x\n") == parse("https://hooks.example.org/x")
    assert parse("env:MAIL", MAIL=MAIL) == parse(MAIL)


def test_the_position_in_the_list_is_named() -> None:
    with pytest.raises(ConfigError, match=r"^notify\.urls\[1\] \(env:UNSET\): the environment variable UNSET is not"):
        parse_targets(["https://hooks.example.org/x", "env:UNSET"], {})


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("ftp://sesame.example.org", "must begin with https://"),
        ("hooks.slack.com/services/sesame", "must begin with https://"),
        ("", "must begin with https://"),
        ("env:", "name of an environment variable"),
        ("env:SESAME sesame", "name of an environment variable"),
        ("env:NESTED", "must begin with https://"),
        ("env:EMPTY", "EMPTY is not set"),
        ("https:///services/sesame", "has no host"),
        ("https://user:sesame@hooks.example.org/", "takes no user and password"),
        ("https://hooks.example.org:port/sesame", "host or port cannot be read"),
        ("https://[::1/sesame", "host or port cannot be read"),
        ("https://hooks.example.org/se same", "percent-encode"),
        ("https://hooks.example.org/\nX-Header: sesame", "percent-encode"),
        ("https://hooks.example.org/sesämé", "percent-encode"),
        ("smtp://bot:sesame/x@mail.example.org?from=a@b.org&to=c@d.org", "cannot be read"),
        ("smtp://bot:1/sesame@mail.example.org?from=a@b.org&to=c@d.org", "percent-encode /"),
        ("smtp://bot:1?sesame@mail.example.org?from=a@b.org&to=c@d.org", "knows only from= and to="),
        ("smtp://bot:1#sesame@mail.example.org?from=a@b.org&to=c@d.org", "percent-encode /"),
        ("smtp://bot@mail.example.org?from=a@b.org&to=c@d.org", "both a user and a password"),
        ("smtp://bot:sesame%C3%A9@mail.example.org?from=a@b.org&to=c@d.org", "must be ASCII"),
        ("smtp://:sesame@mail.example.org?from=a@b.org&to=c@d.org", "both a user and a password"),
        ("smtp://bot:sesame@mail.example.org", "needs one from="),
        ("smtp://bot:sesame@mail.example.org?from=a@b.org", "at least one to="),
        ("smtp://bot:sesame@mail.example.org?from=a@b.org&from=a@b.org&to=c@d.org", "needs one from="),
        ("smtp://bot:sesame@mail.example.org?from=a@b.org&to=c@d.org&cc=x@y.org", "knows only from= and to="),
        ("smtp://bot:sesame@mail.example.org?from=bot&to=c@d.org", "from= must be a plain address"),
        ("smtp://bot:sesame@mail.example.org?from=a@b.org&to=c@d.org,e@f.org", "to= must be a plain address"),
        ("smtp://bot:sesame@mail.example.org?from=a@b.org&to=c@d.org%0D%0ABcc:x@y.org", "to= must be a plain"),
    ],
)
def test_a_url_that_cannot_work_is_refused_without_saying_the_secret(url: str, part: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse(url, NESTED="env:HOOK", EMPTY="")
    assert part in str(refused.value)
    assert str(refused.value).startswith("notify.urls[0]")
    assert "sesame" not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None  # nor does a traceback


def test_no_secret_in_what_a_debugger_prints() -> None:
    assert "pass" not in repr(parse(MAIL))
    assert "sesame" not in repr(parse("https://hooks.example.org/sesame"))
