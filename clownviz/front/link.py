"""Joins our ES modules into the one text that a widget or a page is.

A widget's `_esm` is one text, in which a relative import leads nowhere. So every module becomes a
function that returns its exports, in the order in which they need each other: names of one module
stay invisible to the others, and JSON that a module imports is written in.

The modules are ours, so the linker asks for a plain style instead of understanding all of
JavaScript: `import` and `export` stand at the beginning of a line, exports are declarations,
nothing is imported dynamically or exported as a mutable `let`. It refuses everything else by name
and line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

__all__ = ["LinkError", "link", "stylesheet"]

FRONT = Path(__file__).parent

_IMPORT = re.compile(r'^import\s+(?:([^"\';]*?)\s+from\s+)?["\']([^"\']+)["\']([^;\n]*);$', re.M)
_EXPORT = re.compile(
    r"^export\s+(default\s+|(?:async\s+)?function\*?\s+|const\s+|class\s+)?(?:(\w+))?", re.M
)
_LIST = re.compile(r"^export\s*\{([^}]*)\}\s*;?$", re.M)
_LEFT = re.compile(r"^[ \t]*(?:import|export)\b.*$|\bimport\(.*$", re.M)
_COMMENT = re.compile(r"^[ \t]*/\*\*?[ \n](?:[^*]|\*(?!/))*\*/[ \t]*\n|^[ \t]*//[^\n]*\n", re.M)


class LinkError(ValueError):
    """The modules cannot be joined; the text says which file, where and why."""


@dataclass(slots=True)
class _Module:
    path: Path
    number: int
    body: str
    imports: list[str] = field(default_factory=list)
    exports: dict[str, str] = field(default_factory=dict)
    default: bool = False


@lru_cache(maxsize=16)
def link(entry: str, folder: Path = FRONT) -> str:
    """The text of a module and of everything it imports.

    Args:
        entry: the file's name, `"explorer.js"`. What it exports, the joined text exports.
        folder: where it is.

    Raises:
        LinkError: a file is missing, modules import each other, a name is not exported, or the
            style is not the plain one.
    """
    linker = _Linker(folder)
    last = linker.visit((folder / entry).resolve(), [])
    parts = [_wrapped(module) for module in linker.order[:-1]]
    # The entry stands last and bare, so that its exports are those of the whole.
    parts += [*last.imports, last.body.strip(), *_reexports(last)]
    return "\n".join(parts) + "\n"


def stylesheet(*names: str, folder: Path = FRONT) -> str:
    """Style sheets of the front, one after another, without their comments."""
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    return re.sub(r"/\*.*?\*/\n*", "", text, flags=re.S)


class _Linker:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.done: dict[Path, _Module] = {}

    @property
    def order(self) -> list[_Module]:
        return list(self.done.values())

    def visit(self, path: Path, above: list[Path]) -> _Module:
        if path in self.done:
            return self.done[path]
        if path in above:
            names = " → ".join(p.name for p in [*above[above.index(path) :], path])
            raise LinkError(f"modules import each other: {names}. Move what both need to a third.")
        source = self._read(path, above)
        if path.suffix == ".json":
            module = _json_module(path, source)
        else:
            module = self._javascript(path, source, above)
        module.number = len(self.done)
        self.done[path] = module
        return module

    def _read(self, path: Path, above: list[Path]) -> str:
        try:
            return path.read_text(encoding="utf-8")
        except OSError:
            by = f", which {above[-1].name} imports" if above else ""
            raise LinkError(f"there is no file {path.name}{by} (looked for {path})") from None

    def _javascript(self, path: Path, source: str, above: list[Path]) -> _Module:
        source = _COMMENT.sub("", source)
        module = _Module(path, 0, "")
        for match in _IMPORT.finditer(source):
            clause, where = match[1], match[2]
            if not where.startswith("."):
                raise LinkError(f"{path.name} imports {where!r}: only relative files can be joined")
            wanted = self.visit((path.parent / where).resolve(), [*above, path])
            module.imports += _bindings(clause, wanted, path)
        body = _LIST.sub(lambda m: _listed(m[1], module), _IMPORT.sub("", source))
        module.body = _EXPORT.sub(lambda m: _declared(m, module, path), body)
        for match in _LEFT.finditer(module.body):
            line = match[0].strip()
            raise LinkError(f"{path.name}: this import or export cannot be joined: {line!r}")
        return module


def _bindings(clause: str | None, wanted: _Module, path: Path) -> Iterator[str]:
    """What an import statement becomes."""
    if not clause:
        return
    source = f"$m{wanted.number}"
    clause = " ".join(clause.split())
    if whole := re.fullmatch(r"\* as (\w+)", clause):
        yield f"const {whole[1]} = {source};"
        return
    match = re.fullmatch(r"(\w+)?(?:, )?(?:\{(.*)\})?", clause)
    if match is None:
        raise LinkError(f"{path.name}: this import cannot be joined: {clause!r}")
    pairs = [("default", match[1])] if match[1] else []
    for name in filter(None, (part.strip() for part in (match[2] or "").split(","))):
        theirs, _, ours = name.partition(" as ")
        pairs.append((theirs.strip(), (ours or theirs).strip()))
    for theirs, _ in pairs:
        if theirs not in wanted.exports and not (theirs == "default" and wanted.default):
            known = ", ".join(wanted.exports) or "nothing"
            raise LinkError(
                f"{path.name} imports {theirs!r} from {wanted.path.name}, which exports {known}"
            )
    inside = ", ".join(a if a == b else f"{a}: {b}" for a, b in pairs)
    yield f"const {{ {inside} }} = {source};"


def _declared(match: re.Match[str], module: _Module, path: Path) -> str:
    kind, name = match[1], match[2]
    if kind is None:
        return match[0]
    if kind.strip() == "default":
        if name in ("function", "class", "async"):
            raise LinkError(f"{path.name}: give the default export a name of its own first")
        module.default = True
        return f"const $default = {name or ''}"
    if not name:
        raise LinkError(f"{path.name}: this export cannot be joined: {match[0]!r}")
    module.exports[name] = name
    return f"{kind}{name}"


def _listed(names: str, module: _Module) -> str:
    for name in filter(None, (part.strip() for part in names.split(","))):
        ours, _, theirs = name.partition(" as ")
        module.exports[(theirs or ours).strip()] = ours.strip()
    return ""


def _json_module(path: Path, source: str) -> _Module:
    data = json.dumps(json.loads(source), ensure_ascii=False, separators=(",", ":"))
    return _Module(path, 0, f"const $default = {data};", default=True)


def _wrapped(module: _Module) -> str:
    names = [f"{a}: {b}" if a != b else a for a, b in module.exports.items()]
    if module.default:
        names.append("default: $default")
    inside = "\n".join([*module.imports, module.body.strip()])
    returned = f"return {{ {', '.join(names)} }};"
    return f"const $m{module.number} = (() => {{\n{inside}\n{returned}\n}})();"


def _reexports(module: _Module) -> list[str]:
    names = [b if a == b else f"{b} as {a}" for a, b in module.exports.items()]
    if module.default:
        names.append("$default as default")
    return [f"export {{ {', '.join(names)} }};"] if names else []
