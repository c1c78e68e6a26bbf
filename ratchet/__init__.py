"""Ratchet, as it is imported: `ratchet.schemas`, `ratchet.components`, `ratchet.pipeline` and `ratchet.kubeflow`.

In a checkout the four are links to the directories beside this one; setup.py installs those directories below this
package (docs/decisions/0021-one-import-name.md).
"""

__version__ = "0.1.0"
