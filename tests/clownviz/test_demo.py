"""`clownviz demo`: it learns, says how well, and leaves one page behind."""

from __future__ import annotations

import re

import pytest

from clownpiece.utils.data import FashionMNIST
from clownviz import __main__, demo


@pytest.fixture
def told(monkeypatch, tmp_path, capsys):
    """What the command prints where only the digits of the package are there."""
    monkeypatch.setattr(FashionMNIST, "is_available", classmethod(lambda cls, root=None: False))
    monkeypatch.chdir(tmp_path)
    assert __main__.main(["demo", "--page", "seen.html"]) == 0
    return capsys.readouterr().out


def test_the_digits_are_learned_and_the_page_is_one_file_without_a_network(told, tmp_path):
    accuracy = float(re.search(r"test accuracy on digits: ([\d.]+)%", told)[1])
    assert accuracy >= 95
    assert "conv1 (Conv2d)" in told and str(tmp_path / "seen.html") in told
    page = (tmp_path / "seen.html").read_text()
    assert not re.search(r"""(src|href)=["']?https?:""", page)
    assert "Training" in page and "conv2" in page


@pytest.mark.data
def test_clothing_is_the_lesson_where_it_is_installed():
    if not FashionMNIST.is_available():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    lesson = demo.Lesson.available()
    assert lesson.name == "Fashion-MNIST" and len(lesson.training) == 60_000


def test_an_unknown_command_is_refused_by_name(capsys):
    with pytest.raises(SystemExit, match="2"):
        __main__.main(["dance"])
    assert "dance" in capsys.readouterr().err
