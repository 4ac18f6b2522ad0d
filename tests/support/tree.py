"""What the checkout holds, for tests of the house itself."""

from __future__ import annotations

import shutil
import subprocess
import tomllib
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("clownpiece", "clownviz")


@cache
def files(*suffixes: str) -> list[Path]:
    """Every file that belongs to the project, tracked or about to be, relative to the root."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        found = {Path(line) for line in listed.stdout.splitlines()}
    else:  # unpacked from an archive
        made = {".venv", "__pycache__", "node_modules"}
        everything = (path.relative_to(ROOT) for path in ROOT.rglob("*"))
        found = {path for path in everything if not made.intersection(path.parts)}
    wanted = [path for path in found if not suffixes or path.name.endswith(suffixes)]
    return sorted(path for path in wanted if (ROOT / path).is_file())


def text(path: Path) -> str:
    """A file of the checkout as text."""
    return (ROOT / path).read_text(encoding="utf-8")


def package_files(*packages: str) -> list[Path]:
    """The Python files of our packages."""
    return [path for path in files(".py") if path.parts[0] in (packages or PACKAGES)]


def module_name(path: Path) -> str:
    """`clownpiece/nn/__init__.py` is `clownpiece.nn`."""
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def pyproject() -> dict:
    """The parsed pyproject.toml."""
    return tomllib.loads(text(Path("pyproject.toml")))
