"""Feature maps: channels keep their numbers in any order, dead ones are said, one scale for all."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.analysis.channels import channels_of, ordered
from clownviz.analysis.tensors import KeptTensor, tensor_of
from clownviz.recording.tape import Value
from clownviz.views.codes import decode
from clownviz.views.feature_maps import FeatureMaps


def activation(array: np.ndarray, **facts) -> KeptTensor:
    value = Value(0, array.shape, "float32", array.nbytes, array=array)
    role, kind = facts.get("role", "activation"), facts.get("kind", "Conv2d")
    image = kind.endswith("2d") and role != "weight"
    return KeptTensor(value, array, f"conv {facts.get('of', 'output')}", role, kind, image)


@pytest.fixture
def maps():
    array = np.random.default_rng(0).standard_normal((2, 5, 6, 6)).astype(np.float32)
    array[:, 2] = 0
    array[:, 4] *= 10
    return array


def test_channels_in_numbers(maps):
    found = channels_of(maps)
    assert found[2].state == "dead" and found[2].zeros == 1
    assert found[0].mean == pytest.approx(maps[:, 0].mean())
    assert found[0].std == pytest.approx(maps[:, 0].std(), rel=1e-5)
    maps[0, 1, 0, 0] = np.nan
    assert channels_of(maps)[1].state == "NaN"


def test_the_strongest_come_first_and_keep_their_numbers(maps):
    numbers = [channel.number for channel in ordered(channels_of(maps), "std")]
    assert numbers[0] == 4 and numbers[-1] == 2
    view = FeatureMaps(activation(maps), example=1, order="std")
    assert view.picture.unit_names == [str(n) for n in numbers]
    picture = view.picture
    back = decode(picture.codes[0], picture.ranges[0], picture.signed)
    limit = picture.ranges[0]
    np.testing.assert_allclose(back, maps[1, 4].clip(-limit, limit), atol=limit / 100)
    assert '"index":"[1, 4, {r}, {c}]"' in view.svg().replace("&quot;", '"')


def test_dead_channels_are_marked_in_text_and_picture(maps):
    view = FeatureMaps(activation(maps))
    assert "1 dead of 5 channels, over 2 examples" in view.text()
    assert re.search(r"\n +2 .* 100%  dead\n", view.text())
    assert view.svg().count(">dead<") == 1


def test_kernels_are_named_by_both_channels():
    weight = np.random.default_rng(0).standard_normal((4, 3, 5, 5))
    view = FeatureMaps(activation(weight, role="weight", of="weight"), order="max")
    assert len(view.picture.unit_names) == 12
    first = view.sorted[0].number
    assert view.picture.unit_names[:2] == [f"{first}, 0", f"{first}, 1"]
    assert np.abs(weight).max() >= abs(weight[first]).max()


def test_more_channels_than_fit_are_said():
    view = FeatureMaps(activation(np.ones((1, 300, 4, 4), np.float32)))
    assert "64 of 300 channels" in view.note
    assert view.picture.unit_names[-1] == "299"
    assert "… 252 more" in view.text()


def test_one_scale_or_one_a_map(maps):
    tensor = activation(maps)
    assert len({block.limit for block in FeatureMaps(tensor).picture.blocks()}) == 1
    own = FeatureMaps(tensor, scale="unit").picture.blocks()
    assert own[4].limit > 5 * own[0].limit


@pytest.mark.parametrize(
    "shape, kind", [((2, 3, 8), "Conv1d"), ((3, 4, 4), "Conv2d"), ((2, 3, 2, 4, 4), "Conv3d")]
)
def test_maps_of_other_dimensions(shape, kind):
    view = FeatureMaps(activation(np.zeros(shape, np.float32), kind=kind))
    assert len(view.channels) == 3
    ElementTree.fromstring(view.svg())


@pytest.mark.parametrize(
    "shape, role, names",
    [
        ((2, 3, 1, 1), "activation", ["0", "1", "2"]),
        ((2, 3, 1, 1), "weight", ["0, 0", "0, 1", "0, 2", "1, 0", "1, 1", "1, 2"]),
        ((3, 1, 1, 1), "weight", ["0", "1", "2"]),
    ],
)
def test_maps_of_one_cell_are_maps_too(shape, role, names):
    view = FeatureMaps(activation(np.ones(shape, np.float32), role=role))
    assert view.picture.unit_names == names
    assert all(f">{name}<" in view.svg() for name in names)


def test_a_report_shows_no_maps_of_one_cell():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Conv2d(4, 2, 1))
    made = clownviz.report(model, clownpiece.ones(2, 1, 8, 8))
    assert [title for title, _ in made.sections if "maps" in title] == ["Feature maps of 0"]


@pytest.mark.parametrize("fill", [np.nan, np.inf, 0.0])
def test_arrays_of_one_value(fill):
    view = FeatureMaps(activation(np.full((1, 2, 3, 3), fill, np.float32)))
    ElementTree.fromstring(view.svg())
    json.dumps(view.json(), allow_nan=False)
    assert view.text()


def test_an_empty_batch_is_refused_and_an_empty_map_is_drawn():
    with pytest.raises(IndexError, match="was not kept: there are 0"):
        FeatureMaps(activation(np.zeros((0, 2, 3, 3))))
    assert "no values" in FeatureMaps(activation(np.zeros((1, 2, 0, 3)))).svg()


def test_what_is_wrong_is_said(maps):
    with pytest.raises(ValueError, match=r"\(2, 5\) has no maps"):
        FeatureMaps(activation(maps[:, :, 0, 0], kind="Linear"))
    with pytest.raises(ValueError, match="order='loudest'"):
        FeatureMaps(activation(maps), order="loudest")
    with pytest.raises(IndexError, match="example 2 of conv output was not kept: there are 2"):
        FeatureMaps(activation(maps), example=2)


def test_the_figure_has_the_colours_and_limits_of_the_picture(maps):
    view = FeatureMaps(activation(maps))
    figure = view.figure("dark")
    figure.canvas.draw()
    *tiles, bar = [axes for axes in figure.axes if axes.get_visible()]
    assert bar.get_ylim() == (-view.picture.limit, view.picture.limit)
    dead = tiles[2].images[0].get_array()
    assert {tuple(color) for color in dead.reshape(-1, 4).tolist()} == {(243, 243, 243, 255)}


@pytest.fixture(scope="module")
def tape():
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    return clownviz.run(model, clownpiece.randn(2, 1, 6, 6), keep="full", gradients=True)


@pytest.mark.parametrize(
    "of, shape, role",
    [
        ("output", (2, 3, 4, 4), "activation"),
        ("input", (2, 1, 6, 6), "activation"),
        ("gradient", (2, 3, 4, 4), "gradient"),
        ("weight", (3, 1, 3, 3), "weight"),
        ("weight.gradient", (3, 1, 3, 3), "gradient"),
    ],
)
def test_a_tensor_is_found_by_the_words_people_have_for_it(tape, of, shape, role):
    found = tensor_of(tape, "0", of)
    assert (found.array.shape, found.role) == (shape, role)
    assert FeatureMaps(found).svg()


def test_a_tensor_that_is_not_there(tape):
    with pytest.raises(KeyError, match="no module 'conv9' in Sequential: it has 0, 1"):
        tensor_of(tape, "conv9")
    with pytest.raises(KeyError, match=r"has no 'scale': expected one of output.*weight, bias"):
        tensor_of(tape, "0", "scale")
    with pytest.raises(ValueError, match="was called 1 times"):
        tensor_of(tape, "0", call=2)
    with pytest.raises(ValueError, match=r"returned 1 tensor, so there is no output\.3"):
        tensor_of(tape, "0", "output.3")
    bare = clownviz.describe(nn.Linear(2, 2))
    with pytest.raises(ValueError, match="give inputs"):
        tensor_of(bare, "")
    with pytest.raises(ValueError, match='keep="sample"'):
        tensor_of(bare, "", "weight")
    plain = clownviz.run(nn.Linear(2, 2), clownpiece.ones(1, 2), keep="full")
    with pytest.raises(ValueError, match="gradients=True"):
        tensor_of(plain, "", "gradient")
