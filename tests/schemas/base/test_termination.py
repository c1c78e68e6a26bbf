"""What SIGTERM does to a process, seen from outside."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BEGIN = """
import os, signal, sys, threading, time
from ratchet.schemas.base.termination import Terminated, heeded, is_told_to_end, take_sigterm

def told(signals=1):
    for _ in range(signals):
        os.kill(os.getpid(), signal.SIGTERM)
"""


def ends(text: str) -> tuple[int, str]:
    """Exit code and output of a process."""
    done = subprocess.run([sys.executable, "-c", BEGIN + text], cwd=ROOT, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, done.stdout


def test_work_that_saves_nothing_ends_at_once_as_with_ctrl_c() -> None:
    script = """
take_sigterm()
try:
    told()
    print("went on")
except KeyboardInterrupt as error:
    print(type(error).__name__, is_told_to_end())
"""
    assert ends(script) == (0, "Terminated True\n")


@pytest.mark.parametrize("first", ["take_sigterm()", ""])
def test_work_that_heeds_it_goes_on_until_it_has_saved(first: str) -> None:
    script = f"""
{first}
try:
    with heeded():
        told()
        print("saving", is_told_to_end())
        raise Terminated("saved")
except Terminated as error:
    print(error)
"""
    assert ends(script) == (0, "saving True\nsaved\n")


def test_work_that_ended_without_asking_ends_the_process_all_the_same() -> None:
    script = """
try:
    with heeded():
        told()
    print("went on")
except Terminated:
    print("ended")
"""
    assert ends(script) == (0, "ended\n")


def test_a_second_one_kills() -> None:
    assert ends("take_sigterm()\nwith heeded():\n    told(2)\n    print('alive')") == (-signal.SIGTERM, "")


def test_work_in_a_thread_hears_what_the_main_thread_was_sent() -> None:
    script = """
take_sigterm()
heeds, ended = threading.Event(), threading.Event()

def work():
    try:
        with heeded():
            heeds.set()
            while not is_told_to_end():
                time.sleep(0.001)
            raise Terminated("saved in a thread")
    except Terminated as error:
        print(error)
    ended.set()

threading.Thread(target=work).start()
heeds.wait()
told()
ended.wait()
print("the main thread was not broken off")
"""
    assert ends(script) == (0, "saved in a thread\nthe main thread was not broken off\n")


def test_a_handler_of_the_surrounding_program_stays_its_own() -> None:
    script = """
signal.signal(signal.SIGTERM, lambda *_: print("theirs"))
take_sigterm()
with heeded():
    told()
    print(is_told_to_end())
"""
    assert ends(script) == (0, "theirs\nFalse\n")


def test_after_the_work_sigterm_is_again_what_it_was() -> None:
    script = """
with heeded():
    pass
print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
"""
    assert ends(script) == (0, "True\n")


def test_a_handler_that_was_replaced_below_python_is_set_again() -> None:
    script = """
import ctypes
take_sigterm()
ctypes.CDLL(None).signal(signal.SIGTERM, ctypes.c_void_p(1))  # SIG_IGN, of which Python knows nothing
try:
    with heeded():
        told()
        print(is_told_to_end())
except Terminated:
    print("ended")
"""
    assert ends(script) == (0, "True\nended\n")
