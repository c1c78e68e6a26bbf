"""What is asked of TensorFlow Serving after a push: docs/serving.md."""

from __future__ import annotations

import os
import urllib.parse
from typing import Annotated, Optional

from pydantic import AfterValidator, Field

from ratchet.schemas.base.settings import settings


def _address(url: str) -> str:
    try:
        parts = urllib.parse.urlsplit(url)
        is_one = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port that is no number
        is_one = False
    if not is_one or not url.isprintable() or any(mark in url for mark in " ?#@"):
        raise ValueError("expected http://HOST:8501, the REST address of TensorFlow Serving, without a user in it")
    return url.rstrip("/")


def _config_file(path: str) -> str:
    if not path.isprintable() or not os.path.isabs(path):
        # Absolute, because an approval or rollback is given in another directory than the run was.
        raise ValueError("expected the absolute path of a file of this machine, such as /etc/serving/models.config")
    return path


@settings
class ServingSettings:
    """Whether TensorFlow Serving is asked if it really serves what was pushed, docs/serving.md, and whether the version
    labels of its model config follow, docs/shadow.md.

    Attributes:
        status_url: REST address of TensorFlow Serving, such as `http://serving:8501`; None: it is not asked.
        model_name: the name by which it serves the model; None: the pipeline's name.
        status_limit_s: seconds that a version may take to be AVAILABLE. TensorFlow Serving looks for new ones every
            second unless told otherwise, and tries to load one five times, a minute apart.
        status_pause_s: seconds between two questions.
        model_config: absolute path of its model config (`--model_config_file`), whose labels `stable` and `canary` are
            kept up to date where it uses them; None: it is left alone.
    """

    status_url: Annotated[Optional[str], AfterValidator(lambda url: url and _address(url))] = None
    model_name: Annotated[Optional[str], Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")] = None
    status_limit_s: Annotated[float, Field(ge=0, le=3600)] = 300
    status_pause_s: Annotated[float, Field(ge=0.1, le=60)] = 5
    model_config: Annotated[Optional[str], AfterValidator(lambda path: path and _config_file(path))] = None
