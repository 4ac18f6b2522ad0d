"""Who imports whom, by file: every import statement, however deep it hides in a function.

Imports for type checkers only count too: what a file must name, it must know.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache

from support.tree import module_name, package_files, text


def statements(tree: ast.AST, package: str) -> Iterator[tuple[int, str, list[str]]]:
    """Each import as (line, absolute module, names taken from it); `package` is where it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name, []) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package.split(".")[: len(package.split(".")) - node.level + 1]
            stem = [*(start if node.level else []), *([node.module] if node.module else [])]
            yield node.lineno, ".".join(stem), [alias.name for alias in node.names]


class Imports:
    """The import graph of some modules; `edges[a][b]` is the line where `a` imports `b`."""

    def __init__(self, sources: dict[str, tuple[str, bool]]) -> None:
        self.modules = set(sources)
        self.edges: dict[str, dict[str, int]] = {name: {} for name in sources}
        for name, (source, is_package) in sources.items():
            for line, target in self._targets(name, ast.parse(source), is_package):
                self.edges[name].setdefault(target, line)

    def _targets(self, me: str, tree: ast.AST, is_package: bool) -> Iterator[tuple[int, str]]:
        for line, module, names in statements(tree, me if is_package else me.rpartition(".")[0]):
            # `from .nn import init` means the file init.py where there is one.
            inner = [f"{module}.{name}" for name in names]
            targets = [name if name in self.modules else module for name in inner] or [module]
            yield from ((line, t) for t in targets if t in self.modules and t != me)

    def cycles(self) -> list[list[str]]:
        """Groups of modules that import each other, straight or through others (Tarjan 1972)."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        path: list[str] = []
        found = []

        def visit(name: str) -> None:
            index[name] = low[name] = len(index)
            path.append(name)
            for target in self.edges[name]:
                if target not in index:
                    visit(target)
                    low[name] = min(low[name], low[target])
                elif target in path:
                    low[name] = min(low[name], index[target])
            if low[name] == index[name]:
                start = path.index(name)
                group = path[start:]
                del path[start:]
                if len(group) > 1:
                    found.append(sorted(group))

        for name in sorted(self.modules):
            if name not in index:
                visit(name)
        return found


@cache
def package_imports() -> Imports:
    """The import graph of clownpiece and clownviz as they stand."""
    return Imports(
        {module_name(p): (text(p), p.name == "__init__.py") for p in package_files()}
    )


def package_statements(package: str) -> Iterator[tuple[str, str, list[str]]]:
    """Every import in a package's files as ("file:line", absolute module, names)."""
    for path in package_files(package):
        for line, module, names in statements(ast.parse(text(path)), ".".join(path.parts[:-1])):
            yield f"{path}:{line}", module, names
