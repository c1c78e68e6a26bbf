from __future__ import annotations

from typing import Any

import pytest

from requirements.lockfile import Locked
from requirements.sbom import SbomError, complete

ONE, TWO = "1" * 64, "2" * 64
LOCK = {"google-auth": Locked("2.1", (ONE, TWO)), "keras": Locked("3.12.4", (TWO,))}


def component(name: str, version: str, purl_type: str = "pypi") -> dict[str, Any]:
    purl = f"pkg:{purl_type}/{name}@{version}"
    return {"bom-ref": f"{name}=={version}", "name": name, "version": version, "type": "library", "purl": purl}


def environment(*components: dict[str, Any]) -> dict[str, Any]:
    """CycloneDX JSON as cyclonedx-py writes it for an environment with the product."""
    product = component("ratchet-detector", "0.1.0")
    product["externalReferences"] = [{"type": "distribution", "url": "file:///home/ada/ratchet"}]
    return {"bomFormat": "CycloneDX", "metadata": {"tools": {}}, "components": [*components, product]}


def test_every_component_has_purl_version_and_the_hashes_of_the_lock() -> None:
    bom = complete(environment(component("Google_Auth", "2.1"), component("keras", "3.12.4")), LOCK)
    hashes = {
        entry["purl"]: [h["content"] for reference in entry["externalReferences"] for h in reference["hashes"]]
        for entry in bom["components"]
    }
    assert hashes == {"pkg:pypi/Google_Auth@2.1": [ONE, TWO], "pkg:pypi/keras@3.12.4": [TWO]}


def test_the_product_is_the_subject_and_does_not_say_where_it_lies() -> None:
    bom = complete(environment(component("google-auth", "2.1"), component("keras", "3.12.4")), LOCK)
    subject = bom["metadata"]["component"]
    assert (subject["name"], subject["type"]) == ("ratchet-detector", "application")
    assert "file:" not in str(bom)
    assert bom["metadata"]["tools"] == {}


@pytest.mark.parametrize(
    ("components", "named"),
    [
        ([component("keras", "3.12.4")], r"google-auth \(lock 2.1, .venv -\)"),
        ([component("google-auth", "2.0"), component("keras", "3.12.4")], r"google-auth \(lock 2.1, .venv 2.0\)"),
        (
            [component("google-auth", "2.1"), component("keras", "3.12.4"), component("left-pad", "1")],
            r"left-pad \(lock -, .venv 1\)",
        ),
    ],
)
def test_an_environment_that_is_not_the_lock_is_refused(components: list[dict[str, Any]], named: str) -> None:
    with pytest.raises(SbomError, match=named):
        complete(environment(*components), LOCK)


def test_an_environment_without_the_product_is_refused() -> None:
    with pytest.raises(SbomError, match="not installed"):
        complete({"components": [component("keras", "3.12.4")]}, LOCK)
