"""What of `notify:` is refused, and that no message repeats what may be a secret."""

from __future__ import annotations

import dataclasses

import pytest

from ratchet.pipeline.config.pipeline_settings import PipelineSettings, load_config, load_settings
from ratchet.schemas.base.errors import ConfigError
from ratchet.schemas.base.settings import from_json, to_json

SECRET = "https://hooks.example.org/services/sesame"


def test_nobody_is_told_unless_someone_is_named() -> None:
    notify = load_config("digits").notify
    assert notify.urls == ()
    assert notify.on == ("BLOCKED", "INCONCLUSIVE", "DATA_REJECTED", "CRASHED")


def test_urls_and_events_come_from_the_configuration() -> None:
    notify = load_settings({"notify": {"urls": ["env:HOOK", SECRET], "on": ["PUSHED"]}}, []).notify
    assert (notify.urls, notify.on) == (("env:HOOK", SECRET), ("PUSHED",))
    settings = dataclasses.replace(load_settings({}, []), notify=notify)
    assert from_json(PipelineSettings, to_json(settings)) == settings


@pytest.mark.parametrize(
    ("notify", "part"),
    [
        ({"urls": SECRET}, "notify.urls: must be a list of texts"),
        ({"urls": [{"https": SECRET}]}, "notify.urls: must be a list of texts"),
        ({"urls": [[SECRET]]}, "notify.urls: must be a list of texts"),
        (SECRET, "notify: must be a group of settings"),
        ([SECRET], "notify: must be a group of settings"),
        ({"url": [SECRET]}, "did you mean 'urls'"),
        ({"urls": [SECRET], "on": ["FAILED"]}, 'notify.on.0 = "FAILED"'),
        ({"urls": [SECRET], "on": []}, "notify.on"),
    ],
)
def test_what_cannot_be_meant_is_named_without_the_secret(notify: object, part: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings({"notify": notify}, [])
    assert part in str(refused.value)
    assert "sesame" not in str(refused.value)
