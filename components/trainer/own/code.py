"""Where the code of a trainer of one's own lies, found without running any of it, and its digest; pure.

The digest is part of a run's identity: a changed trainer is another question. It covers the module's whole package, or,
of a module that lies in none, the module and what it imports from the directory that it lies in.
"""

from __future__ import annotations

import ast
import hashlib
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path

from ratchet.schemas.base.errors import ConfigError

SETTING = "training.run_fn"
_LOOKED_IN = "it is looked for in the current directory, along PYTHONPATH and among what is installed"


@dataclass(frozen=True)
class OwnCode:
    """The code of a trainer.

    Attributes:
        module: that holds the function.
        function: its name.
        file: the module's file.
        files: all that the digest covers, sorted.
        base: directory that their names in the digest are relative to.
    """

    module: str
    function: str
    file: Path
    files: tuple[Path, ...]
    base: Path

    @property
    def digest(self) -> str:
        """Of names and contents of all files; ConfigError if one cannot be read."""
        digest = hashlib.sha256()
        for path in self.files:
            content = _read(path)
            digest.update(f"{path.relative_to(self.base).as_posix()}\0{len(content)}\0".encode())
            digest.update(content)
        return digest.hexdigest()


def import_from_here() -> None:
    """Lets Python find modules in the current directory, as `python -m` does and an installed command does not."""
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        sys.path.insert(0, here)


def find_code(name: str) -> OwnCode:
    """Finds a function's code.

    Args:
        name: `package.module.function`.

    Raises:
        ConfigError: there is no such module, it is no Python source, or it has no such function.
    """
    import_from_here()
    module, _, function = name.rpartition(".")
    specs = _specs(name, module)
    file = Path(specs[-1].origin or "")
    if file.suffix != ".py" or not file.is_file():
        raise ConfigError(f"{SETTING} = {name!r}: module {module!r} is no Python source file; name one that is")
    if function not in _defined(name, file):
        raise ConfigError(f"{SETTING} = {name!r}: {file} has no function {function!r}; write one or correct the name")
    package = next((Path(spec.origin).parent for spec in specs if spec.origin and _is_package(spec)), None)
    if package is None:
        return OwnCode(module, function, file, tuple(sorted(_with_imported(file))), file.parent)
    files = tuple(sorted(path for path in package.rglob("*.py") if path.is_file()))
    return OwnCode(module, function, file, files, package)


def _specs(name: str, module: str) -> list[ModuleSpec]:
    """Of the module and of the packages around it, the outermost first."""
    parts, specs, inside = module.split("."), list[ModuleSpec](), None
    for count in range(1, len(parts) + 1):
        part = ".".join(parts[:count])
        found = _spec(part, inside)
        if found is None:
            raise ConfigError(f"{SETTING} = {name!r}: there is no module {part!r}; {_LOOKED_IN}")
        inside = None if found.submodule_search_locations is None else list(found.submodule_search_locations)
        if inside is None and count < len(parts):
            raise ConfigError(f"{SETTING} = {name!r}: {part!r} ({found.origin}) is no package; correct the name")
        specs.append(found)
    return specs


def _spec(name: str, inside: Sequence[str] | None) -> ModuleSpec | None:
    """As Python would find it, without importing the packages around it."""
    found = (finder.find_spec(name, inside) for finder in sys.meta_path)
    return next((spec for spec in found if spec is not None), None)


def _is_package(spec: ModuleSpec) -> bool:
    return spec.submodule_search_locations is not None and bool(spec.origin) and str(spec.origin).endswith(".py")


def _defined(name: str, file: Path) -> set[str]:
    """Names that a module's own statements give to something; what it imports by `*` is seen when it is imported."""
    found = set[str]()
    for node in ast.walk(_tree(name, file)):
        match node:
            case ast.FunctionDef(name=own) | ast.ClassDef(name=own) | ast.Name(id=own, ctx=ast.Store()):
                found.add(own)
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                found |= {alias.asname or alias.name for alias in names}
    return found | {name.rpartition(".")[2]} if "*" in found else found


def _tree(name: str, file: Path) -> ast.Module:
    try:
        return ast.parse(_read(file), str(file))
    except SyntaxError as error:
        raise ConfigError(
            f"{SETTING} = {name!r}: {file}, line {error.lineno}: no Python ({error.msg}); mend it"
        ) from error
    except (ValueError, RecursionError) as error:  # a zero byte; brackets a thousand deep
        raise ConfigError(f"{SETTING} = {name!r}: {file}: no Python ({error}); mend it") from error


def _with_imported(file: Path) -> set[Path]:
    """A module that lies in no package, and the modules and packages beside it that it imports, and they."""
    seen, coming = set[Path](), [file]
    while coming:
        path = coming.pop()
        if path not in seen:
            seen.add(path)
            coming += _beside(path, file.parent)
    return seen


def _beside(file: Path, directory: Path) -> Iterator[Path]:
    for node in ast.walk(_tree(file.stem, file)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
        # Below a directory without __init__.py the whole name begins above: its last part is the file beside.
        for part in {part for name in names for part in name.split(".")} | _alone(node):
            if (directory / f"{part}.py").is_file():
                yield directory / f"{part}.py"
            elif (directory / part / "__init__.py").is_file():
                yield from (path for path in (directory / part).rglob("*.py") if path.is_file())


def _alone(node: ast.AST) -> set[str]:
    """`from . import name` and `from package import name`, where name may be a module."""
    return {alias.name for alias in node.names} if isinstance(node, ast.ImportFrom) else set()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{SETTING}: {path}: cannot be read ({error.strerror}); mend that") from error
