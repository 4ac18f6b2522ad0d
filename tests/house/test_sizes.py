"""Files that can be read in one sitting, without what machines and haste leave behind."""

from __future__ import annotations

import re

from support.tree import files, text

CODE = (".py", ".pyi", ".js", ".css")
PROSE = (".md", ".toml", ".yml", ".cfg", ".ipynb", ".json", "Makefile", "run")
GENERATED = {"clownpiece/__init__.pyi", "clownpiece/tensor.pyi", "package-lock.json"}


def numbered(path):
    return enumerate(text(path).splitlines(), 1)


def test_no_file_of_code_is_longer_than_600_lines():
    long = {str(p): n for p in files(*CODE) if (n := len(text(p).splitlines())) > 600}
    assert {name: n for name, n in long.items() if name not in GENERATED} == {}


def test_no_line_of_the_page_is_longer_than_100_characters():
    # ruff measures the lines of Python.
    assert [
        f"{path}:{number} has {len(line)}"
        for path in files(".js", ".css")
        for number, line in numbered(path)
        if len(line) > 100
    ] == []


def test_nothing_is_left_for_later():
    # Put together here, so that this file does not find itself.
    words = "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"])
    left = re.compile(rf"\b({words})\b")
    assert [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in files(*CODE)
        for number, line in numbered(path)
        if left.search(line)
    ] == []


def test_no_path_of_one_machine_is_written_down():
    folders = re.compile(r"(?<![\w.}])/(?:" + "|".join(["tmp", "work", "root", r"home/\w+"]) + ")/")
    assert [
        f"{path}:{number}: {line.strip()[:80]}"
        for path in files(*CODE, *PROSE)
        for number, line in numbered(path)
        if folders.search(line)
    ] == []


def test_text_is_utf8_with_unix_line_ends():
    texts = {str(path): text(path) for path in files(*CODE, *PROSE)}
    assert [name for name, content in texts.items() if "\r" in content] == []
    cut = [name for name, content in texts.items() if content and not content.endswith("\n")]
    assert [name for name in cut if not name.endswith(".ipynb")] == []
