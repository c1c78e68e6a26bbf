"""Mutants of ML Metadata on a server; their tests start PostgreSQL."""

from __future__ import annotations

from tests.mutants.mutant import mutants_of

STORES = (
    *mutants_of(
        "components/stack/mlmd_client.py",
        "tests/servers/test_beginning.py",
        ("if method_name not in _MAKING_TYPES:", "if True:", "runners at once make one type of a name"),
    ),
    *mutants_of(
        "components/stack/mlmd_client.py",
        "tests/servers/test_stores.py",
        ("_replace(response, STAND_IN, BACKSLASH)", "None", "PostgreSQL gives a text back as it was"),
    ),
    *mutants_of(
        "pipeline/root/same_store.py",
        "tests/servers/test_shared.py",
        ("if recorded == home_of(root) or not", "if True or not", "a root and its copy do not run under one id"),
    ),
    *mutants_of(
        "pipeline/root/same_store.py",
        "tests/servers/test_refusals.py",
        (
            "raise refused(wanted, *_UNKNOWN) if store.server == wanted else",
            "return False if store.server == wanted else",
            "numbers do not begin again in a database that was emptied",
        ),
    ),
    *mutants_of(
        "pipeline/root/ml_metadata_sync.py",
        "tests/servers/test_shared.py",
        ('if store_of(self._root).owner else ""', 'if False else ""', "a rollback takes back no other root's blessing"),
    ),
    *mutants_of(
        "pipeline/root/ml_metadata_sync.py",
        "tests/servers/test_commands.py",
        ("except (RatchetError, OSError) as error:", "except OSError as error:", "no server holds a rollback up"),
    ),
    *mutants_of(
        "pipeline/config/pipeline_settings.py",
        "tests/servers/test_refusals.py",
        ("not holds_password(value):", "True:", "a password in a URL is not shown, wherever it stands"),
    ),
)
