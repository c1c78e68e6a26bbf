"""What a blessing says besides yes or no: custom properties of the ModelBlessing artifact.

A blessing is of bytes, not of a directory: what is published must have the digest of what was measured, and go over the
baseline that it was compared with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from ratchet.schemas.base.errors import StateError

SIGNATURE = "signature"  # a property beside the others, if there is a key: of them, as KIND
KIND = "blessing"


@dataclass(frozen=True)
class Blessing:
    """What was measured, against what, and where it is written down; each field is a string property of its name.

    Attributes:
        model_digest: `model_digest` of the candidate that was measured.
        baseline_digest: the same of the baseline; empty without one, as the next.
        baseline_version: the version that was served.
        evaluation: URI of the evaluation artifact.
        evaluation_digest: sha256 of its EVALUATION_FILE.
    """

    model_digest: str
    baseline_digest: str
    baseline_version: str
    evaluation: str
    evaluation_digest: str

    def to_properties(self) -> dict[str, str]:
        """Custom properties by name."""
        return dataclasses.asdict(self)

    def signed_values(self) -> dict[str, str]:
        """What its signature is made of: all but the place of the evaluation, which moves with the pipeline root."""
        return {name: value for name, value in self.to_properties().items() if name != "evaluation"}

    @classmethod
    def from_properties(cls, properties: Mapping[str, str]) -> Blessing:
        """The inverse of `to_properties`; others among the properties do not matter.

        Raises:
            StateError: the blessing does not say what was measured.
        """
        values = {name: properties.get(name, "") for name in PROPERTIES}
        missing = [name for name in ("model_digest", "evaluation_digest") if not values[name]]
        if missing:
            raise StateError(
                f"blessing: it has no {' and no '.join(missing)}, so nothing says which bytes were measured "
                "(an earlier version of Ratchet made it); run again, so that the candidate is measured anew"
            )
        return cls(**values)


PROPERTIES = tuple(field.name for field in dataclasses.fields(Blessing))
