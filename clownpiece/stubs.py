"""Writes what editors and mypy read: every method and function that the op records make.

Tensor methods and most of `clownpiece`'s functions do not stand in any source file; they are
made from the records on import. This writes them down, with signatures and docstrings:

    python -m clownpiece.stubs           write tensor.pyi, __init__.pyi and linalg.pyi
    python -m clownpiece.stubs --check   fail if one of them is not what would be written

Result types are not declared anywhere either: each record's samples are called, and what comes
out is written down.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import creation
from .ops import REGISTRY, Op
from .ops.composition import Composition, DimFirst
from .tensor import Tensor, TensorMethods

__all__ = ["main", "stubs"]

HERE = Path(__file__).parent
GENERATED = """# Written by `python -m clownpiece.stubs`; change the op records instead.
# ruff: noqa
"""

# Names that a stub gives to functions or properties, and therefore cannot use for types.
SHADOWED = ("bool", "device", "dtype", "float", "int", "type")
ALIASES = """
from builtins import bool as _bool
from builtins import float as _float
from builtins import int as _int
from builtins import type as _type
from collections.abc import Sequence

from clownpiece.ops.arguments import Array, Dims, Dtype, Ints
"""


def stubs() -> dict[Path, str]:
    """The text of each stub file."""
    return {
        HERE / "tensor.pyi": _tensor_stub(),
        HERE / "__init__.pyi": _package_stub(),
        HERE / "linalg.pyi": _linalg_stub(),
    }


def main(arguments: list[str]) -> int:
    """Write the stubs, or with `--check` only say whether they are up to date."""
    stale = [path for path, text in stubs().items() if _read(path) != text]
    if "--check" in arguments:
        for path in stale:
            print(f"{path.name} is out of date; run python -m clownpiece.stubs", file=sys.stderr)
        return 1 if stale else 0
    for path, text in stubs().items():
        path.write_text(text, encoding="utf-8")
    print(", ".join(path.name for path in stale) or "nothing changed")
    return 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


# -- files -----------------------------------------------------------------------------------


def _tensor_stub() -> str:
    source = ast.parse(_read(HERE / "tensor.py"))
    imports = [node for node in source.body if isinstance(node, (ast.Import, ast.ImportFrom))]
    parts = [GENERATED, *map(ast.unparse, imports), ALIASES]
    for node in source.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            parts += [_class_aliases(node), _declared(node)]
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            parts.append(_assigned(node))
    return _joined(parts)


def _class_aliases(node: ast.AST) -> str:
    """After `device` is defined, another name for it: `Tensor` has a property of that name."""
    if isinstance(node, ast.ClassDef) and node.name == "TensorMethods":
        return "_device = device\n_dtype = dtype\n"
    return ""


def _package_stub() -> str:
    source = ast.parse(_read(HERE / "__init__.py"))
    parts = [GENERATED, "from typing import Any\n", ALIASES]
    for node in source.body:
        if isinstance(node, ast.ImportFrom):
            parts.append(_reexported(node))
        elif isinstance(node, ast.Assign):
            parts.append(_assigned(node))
    for record in REGISTRY.values():
        if "function" in record.expose:
            parts += [_function(name, record) for name in (record.name, *record.aliases)]
    return _joined(parts)


def _linalg_stub() -> str:
    parts = [GENERATED, "from typing import Any\n", ALIASES]
    parts += ["from .ops.linalg import LinAlgError as LinAlgError", "from .tensor import Tensor"]
    parts += [_function(r.name, r) for r in REGISTRY.values() if "linalg" in r.expose]
    return _joined(parts)


def _joined(parts: list[str]) -> str:
    text = "\n".join(part for part in parts if part)
    return text.rstrip() + "\n"


# -- what stands in a source file ------------------------------------------------------------


def _reexported(node: ast.ImportFrom) -> str:
    """An import that a stub passes on: only `name as name` and `*` do that."""
    dots = "." * node.level + (node.module or "")
    names = [each for each in node.names if not (each.asname or "").startswith("_")]
    if [each.name for each in names] == ["*"]:
        return f"from {dots} import *"
    return "\n".join(f"from {dots} import {n.name} as {n.asname or n.name}" for n in names)


def _assigned(node: ast.stmt) -> str:
    target = node.targets[0] if isinstance(node, ast.Assign) else node.target  # type: ignore
    if not isinstance(target, ast.Name):
        return ""
    value = node.value  # type: ignore[attr-defined]
    if isinstance(node, ast.AnnAssign):
        return f"{target.id}: {_type_text(node.annotation)}"
    if isinstance(value, (ast.Name, ast.Subscript)) or target.id == "__all__":
        return ast.unparse(node)
    if isinstance(value, ast.Constant) and value.value is not None:
        return f"{target.id}: _{type(value.value).__name__}".replace("_str", "str")
    return f"{target.id}: Any"


def _declared(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return _function_text(node)
    bases = ", ".join(map(ast.unparse, node.bases))
    body = [_documented(ast.get_docstring(node))] if ast.get_docstring(node) else []
    if node.name == "TensorMethods":
        body += list(_methods())
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            body.append(_function_text(each))
        elif isinstance(each, (ast.Assign, ast.AnnAssign)):
            body.append(_assigned(each))
    inside = textwrap.indent("\n".join(filter(None, body)) or "...", "    ")
    return f"class {node.name}{f'({bases})' if bases else ''}:\n{inside}\n"


def _function_text(node: ast.FunctionDef) -> str:
    lines = [f"@{ast.unparse(each)}" for each in node.decorator_list]
    arguments = ast.unparse(_Renamed().visit(node.args))
    result = _type_text(node.returns) if node.returns is not None else "Any"
    return "\n".join([*lines, _definition(node.name, arguments, result, ast.get_docstring(node))])


class _Renamed(ast.NodeTransformer):
    """Annotations with the other names of the types that a stub shadows."""

    def visit_Name(self, node: ast.Name) -> ast.Name:
        if node.id in SHADOWED:
            return ast.Name(f"_{node.id}", node.ctx)
        return node


def _type_text(annotation: ast.expr) -> str:
    return ast.unparse(_Renamed().visit(annotation))


def _definition(name: str, arguments: str, result: str, doc: str | None) -> str:
    head = f"def {name}({arguments}) -> {result}:"
    if len(head) > 90:
        # One argument a line; a comma inside of brackets belongs to a type.
        lines = ",\n    ".join(re.split(r", (?![^\[]*\])", arguments))
        head = f"def {name}(\n    {lines},\n) -> {result}:"
    if not doc:
        return f"{head} ..."
    return f"{head}\n{textwrap.indent(_documented(doc), '    ')}"


def _documented(doc: str | None) -> str:
    text = inspect.cleandoc(doc or "")
    raw = "r" if "\\" in text else ""
    ending = "\n" if "\n" in text or text.endswith('"') else ""
    return f'{raw}"""{text}{ending}"""'


# -- what the records make -------------------------------------------------------------------


def _methods() -> Iterator[str]:
    """The methods that `binding.py` gave to Tensor, in the order of their names."""
    for name, function in sorted(vars(TensorMethods).items()):
        if isinstance(function, property):
            result = _result_of(function.fget)
            yield "@property\n" + _definition(name, "self", result, function.__doc__)
        elif callable(function) and name not in ("__weakref__", "__dict__"):
            yield _method(name, function)


def _method(name: str, function: Callable[..., Any]) -> str:
    record = inspect.getclosurevars(function).nonlocals.get("record")
    doc = function.__doc__
    if name.startswith("__") and record is not None:
        other = "" if len(record.inputs) == 1 else ", other: Any"
        # `==` gives a tensor here, and a bool for any other object.
        ignored = "  # type: ignore[override]" if name in ("__eq__", "__ne__") else ""
        return f"def {name}(self{other}) -> Tensor: ...{ignored}"
    if record is None:
        signature = inspect.signature(function)
        arguments = ["self", *[_argument(p) for p in list(signature.parameters.values())[1:]]]
        listed = ", ".join(_with_star(arguments, signature))
        return _definition(name, listed, _result_of(function), doc)
    in_place = name.endswith("_")
    result = "Tensor" if in_place else _result_type(record)
    return _definition(name, ", ".join(["self", *_arguments(record)[1:]]), result, doc)


def _result_of(function: Any) -> str:
    """What a method says that it returns."""
    given = inspect.signature(function).return_annotation
    return _type_text(ast.parse(given, mode="eval").body) if isinstance(given, str) else "Any"


def _function(name: str, record: Op) -> str:
    short = name.rpartition(".")[2]
    return _definition(short, ", ".join(_arguments(record)), _result_type(record), record.doc)


def _arguments(record: Op) -> list[str]:
    """The parameters of a record as they stand in a signature."""
    if isinstance(record, Composition):
        signature = inspect.signature(record.forward)
        return _with_star([_argument(p) for p in signature.parameters.values()], signature)
    inputs = [f"{name}: Any" for name in record.inputs]
    inputs[1:] = [f"{each} = ..." if _optional(record, at) else each for at, each in
                  enumerate(inputs[1:], 1)]
    given = inspect.signature(record.forward).parameters if record.parameters else {}
    params = [_argument(given[name]) for name in record.parameters]
    if record.pack is not None:
        return [*inputs, f"*{record.pack}: Any"]
    if isinstance(record, DimFirst):
        at = list(record.parameters).index("dim")
        params.insert(0, params.pop(at))
        return _defaults_last([inputs[0], params[0], *inputs[1:], *params[1:]])
    return _defaults_last([*inputs, *params, *_extra(record)])


def _optional(record: Op, at: int) -> bool:
    """Whether one of the samples leaves this input out."""
    return any(len(each.inputs) <= at or each.inputs[at] is None for each in record.samples)


def _extra(record: Op) -> list[str]:
    """Keywords that a kind of record takes beside its parameters."""
    bound = inspect.signature(type(record).__call__).parameters.values()
    return [f"*, {_argument(p)}" for p in bound if p.kind is p.KEYWORD_ONLY] + (
        ["*, alpha: _float = ..."] if type(record).__name__ == "Scaled" else []
    )


def _defaults_last(arguments: list[str]) -> list[str]:
    """What follows an argument with a default has one too, or Python could not read it."""
    seen = False
    result = []
    for each in arguments:
        seen = seen or "=" in each
        result.append(each if "=" in each or not seen else f"{each} = ...")
    return result


def _with_star(arguments: list[str], signature: inspect.Signature) -> list[str]:
    """The bare star before the first argument that is only given by name."""
    kinds = [p.kind for p in signature.parameters.values()]
    keyword = inspect.Parameter.KEYWORD_ONLY
    if keyword in kinds and inspect.Parameter.VAR_POSITIONAL not in kinds:
        at = kinds.index(keyword)
        return [*arguments[:at], "*", *arguments[at:]]
    return arguments


def _argument(parameter: inspect.Parameter) -> str:
    stars: dict[Any, str] = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    star = stars.get(parameter.kind, "")
    given = parameter.annotation
    if not isinstance(given, str):
        default = type(parameter.default).__name__
        given = default if default in ("bool", "int", "float", "str") else "Any"
    text = _type_text(ast.parse(given, mode="eval").body)
    default = "" if parameter.default is parameter.empty else " = ..."
    return f"{star}{parameter.name}: {text}{default}"


def _result_type(record: Op) -> str:
    """What the samples of a record give."""
    found = {_called(record, sample) for sample in record.samples}
    return found.pop() if len(found) == 1 else "Any"


def _called(record: Op, sample: Any) -> str:
    drawn = sample.draw(np.random.default_rng(0), np.float32, record.domain)
    inputs = [_as_tensor(each) for each in drawn]
    params = dict(sample.params)
    if isinstance(record, DimFirst):
        inputs.insert(1, params.pop("dim"))
    result = record(*inputs, **params)
    if isinstance(result, Tensor):
        return "Tensor"
    if isinstance(result, bool):
        return "_bool"
    return "Any" if hasattr(result, "_fields") else "tuple[Tensor, ...]"


def _as_tensor(value: Any) -> Any:
    if isinstance(value, list):
        return [_as_tensor(each) for each in value]
    return creation.from_numpy(value) if isinstance(value, np.ndarray) else value


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
