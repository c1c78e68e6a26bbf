from __future__ import annotations

import os

import pytest

from ratchet.components.stack.environment import as_served, prepare


def test_a_process_that_trains_uses_the_keras_that_tf_models_is_written_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_USE_LEGACY_KERAS", raising=False)
    prepare()
    assert os.environ["TF_USE_LEGACY_KERAS"] == "1"


def test_a_process_and_those_that_it_starts_take_of_a_gpu_what_they_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    prepare()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    monkeypatch.setenv("TF_FORCE_GPU_ALLOW_GROWTH", "false")
    prepare()
    assert os.environ["TF_FORCE_GPU_ALLOW_GROWTH"] == "false"


def test_what_a_user_has_set_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    prepare()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"


def test_a_process_that_serves_sees_no_gpu_no_cluster_and_no_choice_of_keras() -> None:
    told = as_served({"TF_CONFIG": "{}", "TF_USE_LEGACY_KERAS": "1", "CUDA_VISIBLE_DEVICES": "0", "PATH": "/bin"})
    assert told == {"CUDA_VISIBLE_DEVICES": "-1", "TF_CPP_MIN_LOG_LEVEL": "2", "PATH": "/bin"}
