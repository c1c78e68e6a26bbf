from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from ratchet.components.imaging.copies import Copy
from ratchet.components.map_evaluator import leaks as leaks_module
from ratchet.components.map_evaluator.leaks import Leaks, find_leaks, no_leak
from ratchet.schemas.data.copy_settings import CopySettings
from ratchet.schemas.data.fingerprints import Fingerprints
from ratchet.schemas.data.looks import Looks
from tests.components.imaging.scenes import encoded_again, frames, looks_of, photograph

GOLDEN = [photograph(seed) for seed in range(4)]
OTHERS = [photograph(seed) for seed in range(10, 14)]
ON = CopySettings()


def found(golden: Looks, training: Looks, *stored: Looks) -> Leaks:
    return find_leaks(golden, training.prints, [lambda looks=looks: looks for looks in stored], max_bits=12)


def with_files(looks: Looks, *files: int) -> Looks:
    prints = looks.prints
    contents = np.repeat(np.array(files, np.uint8)[:, None], 24, axis=1)
    named = Fingerprints(prints.spans, prints.image_ids, prints.hashes, contents)
    return Looks(named, looks.thumbnails, looks.box_counts, looks.boxes_xywh)


def test_a_golden_image_in_the_training_data_is_named() -> None:
    training = looks_of([*OTHERS, (encoded_again(GOLDEN[2][0], 60), GOLDEN[2][1])], span=3, first_id=300)
    reason = no_leak(found(looks_of(GOLDEN), training, training), ON)
    assert not reason.passed
    assert reason.actual == "1 golden images leaked: golden image 3 is image 304 of span 3"


def test_images_of_a_stored_span_that_were_not_trained_on_do_not_count() -> None:
    training, stored = looks_of(OTHERS, span=3), looks_of([*OTHERS, GOLDEN[0]], span=3)
    assert no_leak(found(looks_of(GOLDEN), training, stored), ON).passed


def test_other_frames_of_a_golden_scene_are_no_leak() -> None:
    shown = frames(8, 8, 2, 0.05)
    training = looks_of(shown[4:], span=2)
    reason = no_leak(found(looks_of(shown[:4]), training, training), ON)
    assert (reason.passed, reason.warning) == (True, False)


def test_what_may_be_another_photograph_of_the_scene_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    copies = [Copy(4, 2, "cropped to 62%", is_certain=False)]
    monkeypatch.setattr(leaks_module, "find_copies", lambda images, originals: copies)
    training = looks_of([*OTHERS, GOLDEN[2]], span=3)
    leaks = found(looks_of(GOLDEN), training, training)
    assert (leaks.copies, leaks.golden) == ((), 0)
    reason = no_leak(leaks, ON)
    assert (reason.passed, reason.warning) == (True, True)
    assert "two of the same scene: golden image 3 may be image 5 of span 3 (cropped to 62%)" in reason.actual


def test_what_is_like_a_golden_image_and_gone_is_a_suspicion() -> None:
    training = looks_of([*OTHERS, GOLDEN[1]], span=2)
    leaks = found(looks_of(GOLDEN), training)
    assert (leaks.copies, leaks.gone) == ((), 5)
    reason = no_leak(leaks, ON)
    assert (reason.passed, reason.warning) == (True, True)
    assert "1 may be copies: golden image 2 looks like image 5 of span 2; restore their spans" in reason.actual


def test_the_same_file_is_a_leak_although_its_pixels_are_gone() -> None:
    training = with_files(looks_of([*OTHERS, GOLDEN[1]], span=2), 1, 2, 3, 4, 5)
    leaks = found(with_files(looks_of(GOLDEN), 9, 5, 8, 7), training)
    assert leaks.copies == ("golden image 2 is image 5 of span 2",)
    assert not no_leak(leaks, ON).passed


def test_unknown_training_data_is_no_pass_and_what_is_switched_off_is_not_tested() -> None:
    assert not no_leak(None, ON).passed
    off = no_leak(None, CopySettings(check=False, reason="one camera"))
    assert (off.passed, off.tested, off.warning) == (True, False, True)
    assert off.actual == "not tested: one camera (data.copies.check is false)"


def test_of_an_adopted_baseline_it_is_said_that_its_training_images_are_not_known() -> None:
    training = looks_of(OTHERS, span=3)
    clean = dataclasses.replace(found(looks_of(GOLDEN), training, training), unknown=True)
    reason = no_leak(clean, ON)
    assert (reason.passed, reason.warning) == (True, True)
    assert reason.actual.startswith("none among 4 training images of the candidate; what the baseline was trained on")
    leaked = looks_of([*OTHERS, GOLDEN[1]], span=3)
    assert not no_leak(dataclasses.replace(found(looks_of(GOLDEN), leaked, leaked), unknown=True), ON).passed
