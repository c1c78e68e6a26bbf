"""A pipeline root on this machine: what it says of itself, and what ML Metadata says of it."""

ROOT_VARIABLE = "RATCHET_ROOT"
DEFAULT_ROOT = "ratchet-root"
OWN_SETTINGS_FILE = "ratchet.yaml"  # a configuration that lies in the root, for a person to edit
