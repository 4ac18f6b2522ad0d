"""What README, CONTRIBUTING and CHANGELOG say is true: commands, files, code, links."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from run import CHECKS
from support.tree import ROOT, pyproject, text

PAGES = [Path(name) for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
README = text(Path("README.md"))
CONTRIBUTING = text(Path("CONTRIBUTING.md"))


def fenced(page: str, language: str) -> list[str]:
    """The blocks of code of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.M | re.S)


def test_the_first_screen_says_what_it_is_shows_a_picture_and_gives_the_two_commands():
    first = "\n".join(README.splitlines()[:40])
    assert "PyTorch-style" in first
    assert 'media="(prefers-color-scheme: dark)"' in first
    assert re.search(r'<img src="docs/images/explorer-light\.png"[^>]*alt="[^"]{40,}"', first)
    assert "make demo" in first
    assert "make test" in first


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_command_is_a_target(page):
    targets = set(re.findall(r"^\.PHONY: (.*)$", text(Path("Makefile")), flags=re.M)[0].split())
    named = set(re.findall(r"(?:^|`)make (\w+)", text(page), flags=re.M))
    assert named <= targets


def test_every_check_that_is_named_exists():
    (shown,) = re.findall(r'ONLY="([\w ]+)"', CONTRIBUTING)
    assert set(shown.split()) <= set(CHECKS)
    assert all(f"`{name}`" in CONTRIBUTING for name in CHECKS)


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_file_that_a_page_links_or_shows_exists(page):
    written = text(page)
    linked = re.findall(r"\]\(([^)#\s]+)\)", written)
    linked += re.findall(r'(?:src|srcset)="([^"]+)"', written)
    local = [link for link in linked if "://" not in link]
    assert [link for link in local if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_folder_or_file_in_backticks_exists(page):
    named = re.findall(r"`((?:clownpiece|clownviz|tests|notebooks|docs)/[\w./-]*)`", text(page))
    named += re.findall(r"`(\.ci/run|environment\.yml|pyproject\.toml)`", text(page))
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_the_code_in_the_readme_runs(capsys):
    blocks = fenced(README, "python")
    assert len(blocks) >= 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


def test_the_changelog_has_the_version_that_is_built():
    version = pyproject()["project"]["version"]
    headings = re.findall(r"^## (\d+\.\d+\.\d+)", text(Path("CHANGELOG.md")), flags=re.M)
    assert headings[0] == version
    assert headings == sorted(headings, reverse=True)


def test_the_extras_that_pages_name_exist():
    named = set(re.findall(r"\[(lab|test|\w+)\]'", README + CONTRIBUTING))
    assert named <= set(pyproject()["project"]["optional-dependencies"])
