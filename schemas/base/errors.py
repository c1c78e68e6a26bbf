"""The exception tree; a message names the thing, the value and the fix.

RatchetError                 anything Ratchet says about itself; the CLI prints it without a traceback
├── OwnTrainerError          a user's own trainer raised, or did not keep its contract: exit code 1
├── InputError               what the user gave cannot be used: exit code 2
│   ├── ConfigError          a setting: file, key, value, what is allowed
│   └── DataError            a data set: file, image id, annotation id, value
└── StateError               the pipeline root contradicts itself (registry, serving directory, lock): exit code 2
"""

# The end of a message about what no retraining can do: never a way to mend what is missing.
ANOTHER_LINEAGE = (
    "another architecture, or fewer classes, makes a model that is not compared with this one: begin such a lineage "
    "only on purpose, in a root of its own; this root and its history stay as they are"
)


class RatchetError(Exception):
    """Base of all errors that Ratchet raises on purpose."""


class OwnTrainerError(RatchetError):
    """A trainer of the user's own raised an error, or what it wrote is not what its contract asks for."""


class InputError(RatchetError):
    """Something the user gave cannot be used."""


class ConfigError(InputError):
    """A setting is unknown, of the wrong type or impossible."""


class DataError(InputError):
    """A data set is incomplete or contradicts itself."""


class StateError(RatchetError):
    """The pipeline root holds something that must not be overwritten or guessed away."""
