"""YAML that could not be meant: a key given twice, nesting without end, and aliases that make a small file endless."""

from __future__ import annotations

import re
from typing import Any

import yaml

MAX_DEPTH = 100
MAX_NODES = 100_000  # with what aliases stand for; a configuration has some hundred

# What PyYAML lets out for values such as `!!int ""` and `!!timestamp x`, besides its own YAMLError.
YAML_ERRORS = (yaml.YAMLError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)


class UnfitYamlError(ValueError):
    """It is YAML, and cannot be meant; the message says what and in which line."""


class UniqueKeys(yaml.constructor.BaseConstructor):
    """For loaders: refuses a key given twice, of which YAML libraries keep the last in silence."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node.

        Raises:
            UnfitYamlError: a key is given twice.
        """
        seen = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            key = self.construct_object(key_node, deep=True)
            if str(key) in seen:
                line = key_node.start_mark.line + 1
                raise UnfitYamlError(f"key {str(key)[:80]!r} is given twice (line {line}): keep one")
            seen.add(str(key))
        return super().construct_mapping(node, deep)


class _Loader(UniqueKeys, yaml.SafeLoader):
    """SafeLoader that reads 1e-3 as a number, as YAML 1.2 does, and refuses a key given twice."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789")
)


def load_yaml(text: str) -> Any:
    """What a text says, once `check_yaml` has found it fit.

    Raises:
        UnfitYamlError: it could not be meant.
        Exception: one of YAML_ERRORS: it is not YAML.
    """
    check_yaml(text)
    return yaml.load(text, Loader=_Loader)


def check_yaml(text: str) -> None:
    """Makes sure that a text can be loaded without exhausting stack or memory; it is read without building anything.

    Args:
        text: YAML.

    Raises:
        UnfitYamlError: nested too deeply, too many nodes, or an alias inside of what it stands for.
        yaml.YAMLError: it is not YAML.
    """
    sizes: dict[str, int] = {}  # nodes of what each anchor names
    open_nodes: list[tuple[str | None, int]] = []  # anchor, and nodes before it
    nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.CollectionEndEvent):
            anchor, before = open_nodes.pop()
            sizes |= {anchor: nodes - before} if anchor else {}
        elif isinstance(event, yaml.CollectionStartEvent):
            open_nodes.append((event.anchor, nodes))
            nodes += 1
        elif isinstance(event, yaml.AliasEvent):
            nodes += _size_of(event.anchor, sizes, open_nodes, line)
        elif isinstance(event, yaml.ScalarEvent):
            nodes += 1
            sizes |= {event.anchor: 1} if event.anchor else {}
        if len(open_nodes) > MAX_DEPTH:
            fix = "close what is open there, or take levels out"
            raise UnfitYamlError(f"nested more than {MAX_DEPTH} deep (line {line}): {fix}")
        if nodes > MAX_NODES:
            what = f"more than {MAX_NODES} values (line {line}), counting what aliases stand for"
            raise UnfitYamlError(f"{what}: give fewer")


def _size_of(anchor: str, sizes: dict[str, int], open_nodes: list[tuple[str | None, int]], line: int) -> int:
    if any(anchor == name for name, _ in open_nodes):
        raise UnfitYamlError(f"the alias *{anchor} stands inside of what it stands for (line {line}): write it out")
    return sizes.get(anchor, 1)
