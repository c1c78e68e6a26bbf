"""Writes build/sbom.json, a CycloneDX bill of what is installed, with the hashes of the lock: `make sbom`.

Names, licences and who needs whom are read from the environment by cyclonedx-py; what the lock does not have, or has
at another version, is an error.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from requirements.lockfile import Locked, canonical_name, read_lock, stack_lock, stack_of

ROOT = Path(__file__).resolve().parent.parent
PRODUCT = "ratchet-detector"
SPEC_VERSION = "1.6"


class SbomError(Exception):
    """The environment is not what the lock says, or the document is no valid CycloneDX."""


def complete(bom: Mapping[str, Any], lock: Mapping[str, Locked]) -> dict[str, Any]:
    """The bill with hashes, and with the product as what it is about instead of as one of its parts.

    Args:
        bom: CycloneDX JSON of the environment, the product among its components.
        lock: what the environment was made from.

    Raises:
        SbomError: the components are not the product and the packages of the lock, at their versions.
    """
    found = {canonical_name(component["name"]): component for component in bom["components"]}
    product = found.pop(PRODUCT, None)
    if product is None:
        raise SbomError(f"{PRODUCT} is not installed in .venv; remove .venv and call make again")
    differing = [
        f"{name} (lock {lock[name].version if name in lock else '-'}, .venv {found.get(name, {}).get('version', '-')})"
        for name in sorted(found.keys() | lock.keys())
        if name not in lock or found.get(name, {}).get("version") != lock[name].version
    ]
    if differing:
        raise SbomError(f".venv is not what its lock says: {', '.join(differing)}; remove .venv and call make again")
    # Where the product lies on this machine is nobody's business.
    subject = {key: value for key, value in product.items() if key != "externalReferences"} | {"type": "application"}
    components = [_with_hashes(component, lock[name]) for name, component in sorted(found.items())]
    return {**bom, "metadata": {**bom.get("metadata", {}), "component": subject}, "components": components}


def _with_hashes(component: Mapping[str, Any], locked: Locked) -> dict[str, Any]:
    """As cyclonedx-py does with a requirements file: the hashes are those of the files, not of what is installed."""
    files = {
        "type": "distribution",
        "url": component["purl"],
        "comment": "any of these files may be installed",
        "hashes": [{"alg": "SHA-256", "content": digest} for digest in locked.sha256],
    }
    return {**component, "externalReferences": [*component.get("externalReferences", ()), files]}


def read_environment(python: Path) -> dict[str, Any]:
    """What cyclonedx-py finds in the environment of a Python; the same bytes for the same environment."""
    command = [
        *(str(Path(sys.executable).parent / "cyclonedx-py"), "environment", "--output-reproducible", "--no-validate"),
        *("--spec-version", SPEC_VERSION, "--output-file", "-", str(python)),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SbomError(f"cyclonedx-py failed: {done.stderr.strip()}")
    return json.loads(done.stdout)


def python_version(python: Path) -> str:
    """Of a Python, as in 3.12."""
    command = [str(python), "-c", "import sys; print('%d.%d' % sys.version_info[:2])"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def validate(document: str) -> None:
    """SbomError if the text does not follow the schema of CycloneDX."""
    from cyclonedx.schema import SchemaVersion  # pyright: ignore[reportMissingImports]  # only in .tools/audit
    from cyclonedx.validation.json import JsonStrictValidator  # pyright: ignore[reportMissingImports]

    problem = JsonStrictValidator(SchemaVersion.from_version(SPEC_VERSION)).validate_str(document)
    if problem is not None:
        raise SbomError(f"not valid CycloneDX {SPEC_VERSION}: {problem}")


def main() -> int:
    """Writes the bill of .venv; runs in .tools/audit."""
    target = ROOT / "build/sbom.json"
    try:
        python = ROOT / ".venv/bin/python"
        version = python_version(python)
        lock = read_lock(stack_lock(ROOT / "requirements", stack_of(version)), version)
        bom = complete(read_environment(python), lock)
        document = json.dumps(bom, indent=1, sort_keys=True)
        validate(document)
    except (SbomError, ValueError) as error:
        print(f"sbom: {error}", file=sys.stderr)
        return 1
    target.parent.mkdir(exist_ok=True)
    target.write_text(document + "\n", encoding="utf-8")
    licensed = sum("licenses" in component for component in bom["components"])
    print(f"{target.relative_to(ROOT)}: {len(bom['components'])} packages, {licensed} of them with their licence")
    return 0


if __name__ == "__main__":
    sys.exit(main())
