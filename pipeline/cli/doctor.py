"""The command of `ratchet` that looks for what is wrong with a root, and mends it."""

from __future__ import annotations

import argparse
import datetime
import json
from typing import Any

from pipeline.cli.data import add_json
from pipeline.cli.options import add_root
from pipeline.terminal.standard_streams import say


def add_doctor_command(commands: Any) -> None:
    """Adds `doctor` to the commands."""
    parser = commands.add_parser(
        "doctor",
        help="what is wrong with a pipeline root, and mend it",
        description="Looks at a pipeline root and changes nothing, unless --repair is given. Exit code 1 if something "
        "is wrong and was not mended.",
    )
    add_root(parser)
    parser.add_argument("--repair", action="store_true", help="mend what can be mended without loss")
    parser.add_argument(
        "--sign-existing", action="store_true", help="sign what was never signed, on your responsibility"
    )
    parser.add_argument("--by", metavar="NAME", help="who answers for it")
    parser.add_argument("--reason", metavar="TEXT", help="why, in one line")
    add_json(parser)
    parser.set_defaults(command=_doctor)


def _doctor(arguments: argparse.Namespace) -> int:
    from pipeline.doctor.doctor import doctor
    from pipeline.doctor.signing import Voucher
    from schemas.base.errors import InputError

    given = (arguments.sign_existing, arguments.by is not None, arguments.reason is not None)
    if any(given) and not (all(given) and arguments.repair):
        raise InputError(
            "--sign-existing needs --repair, --by NAME and --reason TEXT, and these two belong to it alone"
        )
    voucher = Voucher.of(arguments.by, arguments.reason) if arguments.sign_existing else None
    report = doctor(arguments.root, arguments.repair, datetime.datetime.now(datetime.timezone.utc), voucher)
    say(report.to_text())
    if arguments.json:
        say(json.dumps(report.to_json()))
    return report.exit_code
