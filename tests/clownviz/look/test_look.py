"""One visual language: formats agree with the page, colours can be read, scales hide nothing."""

from __future__ import annotations

import itertools
import json
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from clownviz import look

GOLDEN = json.loads((Path(__file__).parent / "golden.json").read_text(encoding="utf-8"))


def _cases(name: str) -> list[tuple[float, str]]:
    return [(float(value), text) for value, text in GOLDEN[name]]


@pytest.mark.parametrize("name", ["number", "count", "bytes", "seconds"])
def test_formats_give_the_golden_text(name: str) -> None:
    form = getattr(look, f"format_{name}")
    assert [form(value) for value, _ in _cases(name)] == [text for _, text in _cases(name)]


def test_maps_give_the_golden_colours() -> None:
    for name, size, index, rgb in GOLDEN["map"]:
        assert look.colormap_table(name, size)[index].tolist() == rgb, (name, index)


@given(st.floats(-1e308, 1e308))
def test_a_formatted_number_is_within_half_a_unit_of_its_third_digit(value: float) -> None:
    assert float(look.format_number(value)) == pytest.approx(value, rel=0.00501, abs=1e-322)


@given(st.integers(0, 10**15))
def test_a_formatted_count_has_at_most_four_digits(count: int) -> None:
    assert len(re.sub(r"\D", "", look.format_count(count))) <= 4


def _luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(first: str, second: str) -> float:
    """WCAG's contrast ratio of two colours."""
    darker, lighter = sorted((_luminance(first), _luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


GROUNDS = ("background", "surface")


@pytest.mark.parametrize("theme", look.THEMES)
def test_text_can_be_read_on_every_ground_it_stands_on(theme: str) -> None:
    colours = look.colors(theme)
    texts = ["text", "muted", "accent", "error", "warning", "success"]
    texts += [name for name in colours if name.endswith(".text")]
    pairs = [(text, ground) for text in texts for ground in GROUNDS]
    pairs += [(name, name[:-4] + "fill") for name in texts if name.endswith(".text")]
    pairs += [(text, "selection") for text in texts if text != "warning"]
    weak = {p: contrast(colours[p[0]], colours[p[1]]) for p in pairs}
    assert {pair: ratio for pair, ratio in weak.items() if ratio < 4.5} == {}


# JupyterLab's own grounds stand under our text where its variables are used.
@pytest.mark.parametrize("theme, ground", [("light", "#ffffff"), ("dark", "#111111")])
def test_text_can_be_read_on_jupyterlabs_ground(theme: str, ground: str) -> None:
    for name, colour in look.colors(theme).items():
        if name.endswith(".text") or name in ("muted", "accent", "error", "warning", "success"):
            assert contrast(colour, ground) >= 4.5, name


@pytest.mark.parametrize("theme", look.THEMES)
def test_lines_and_bars_stand_out_from_the_ground(theme: str) -> None:
    colours = look.colors(theme)
    for name, colour in colours.items():
        if name.startswith("series.") or name.endswith(".mark"):
            assert contrast(colour, colours["background"]) >= 3.0, name


def _lightness(rgb: np.ndarray) -> np.ndarray:
    """OKLab coordinates of uint8 colours."""
    c = rgb.astype(float) / 255
    c = np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4)
    lms = np.cbrt(
        c
        @ np.array(
            [
                [0.4122214708, 0.2119034982, 0.0883024619],
                [0.5363325363, 0.6806995451, 0.2817188376],
                [0.0514459929, 0.1073969566, 0.6299787005],
            ]
        )
    )
    return lms @ np.array(
        [
            [0.2104542553, 1.9779984951, 0.0259040371],
            [0.7936177850, -2.4285922050, 0.7827717662],
            [-0.0040720468, 0.4505937099, -0.8086757660],
        ]
    )


@pytest.mark.parametrize("name", ["diverging", "sequential"])
def test_equal_steps_of_value_look_equally_far_apart(name: str) -> None:
    lab = _lightness(look.colormap_table(name, 17))
    steps = np.linalg.norm(np.diff(lab, axis=0), axis=1)
    assert steps.max() / steps.min() < 1.6


def test_the_diverging_map_is_equally_dark_on_both_sides_of_zero() -> None:
    lightness = _lightness(look.colormap_table("diverging", 251))[:, 0]
    assert np.abs(lightness - lightness[::-1]).max() < 0.01
    assert (np.diff(lightness[125:]) < 0).all()


def test_the_sequential_map_only_gets_darker() -> None:
    assert (np.diff(_lightness(look.colormap_table("sequential", 64))[:, 0]) < 0).all()


def test_matplotlib_draws_the_same_colours() -> None:
    for name in ("diverging", "sequential"):
        drawn = look.matplotlib_colormap(name)(np.linspace(0, 1, 17), bytes=True)[:, :3]
        assert np.abs(drawn.astype(int) - look.colormap_table(name, 17)).max() <= 3


def test_colormap_is_symmetric_about_zero_and_shows_nan_as_magenta() -> None:
    rgba = look.colormap([-2.0, 0.0, 1.0, np.nan], limit=2.0)
    table = look.colormap_table("diverging", 251)
    assert rgba[:, :3].tolist() == [*table[[0, 125, 188]].tolist(), [224, 0, 224]]


def test_a_scale_is_symmetric_where_a_value_is_negative_and_starts_at_zero_otherwise() -> None:
    assert look.scale_of([-1.0, 3.0]) == look.Scale(-3.0, 3.0, signed=True)
    assert look.scale_of([5.0, 7.0]) == look.Scale(0.0, 7.0, signed=False)
    assert look.scale_of([np.nan, np.inf]) == look.Scale(0.0, 0.0, signed=False)
    assert look.scale_of([]).limit == 0.0
    assert look.scale_of(np.array([True, False])).limit == 1.0


def test_an_outlier_is_clipped_at_three_sigma_but_a_sparse_map_is_not() -> None:
    rng = np.random.default_rng(0)
    normal = rng.standard_normal(10_000)
    normal[0] = 1000.0
    assert look.scale_of(normal).limit == pytest.approx(3 * np.sqrt(np.mean(normal**2)))
    sparse = np.where(rng.random(10_000) < 0.02, 1.0 + rng.random(10_000), 0.0)
    assert (sparse > look.scale_of(sparse).limit).mean() <= 0.01


@example([1.79e308, -1.79e308])
@example([5e-324, 1e300])
@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20))
def test_every_value_has_a_colour(values: list[float]) -> None:
    assert look.colormap(np.array(values, dtype=float)).shape == (len(values), 4)


def test_css_defines_every_colour_in_both_themes_and_every_way_to_choose() -> None:
    text = look.css(".x")
    for theme, name in itertools.product(look.THEMES, look.colors("light")):
        assert look.colors(theme)[name] in text
    for choice in ("prefers-color-scheme:dark", '[data-jp-theme-light="false"]', ".dark"):
        assert choice in text
    assert '[data-theme="dark"]' in text
    assert "var(--jp-layout-color0, #ffffff)" in text
    assert "--jp-" not in look.css("svg", jupyter=False)


def test_an_unknown_colour_or_theme_is_named_with_what_there_is() -> None:
    with pytest.raises(KeyError, match=r"role\.weight\.text"):
        look.color("role.wight.text")
    with pytest.raises(ValueError, match="light, dark"):
        look.color("text", "sepia")


def test_an_unknown_family_has_the_colour_of_other() -> None:
    assert (look.family("linear"), look.family("quantum")) == ("linear", "other")
