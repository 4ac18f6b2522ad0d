"""The columns of a summary, on real runs: they add up, they are unique, and they can be sorted."""

from __future__ import annotations

import re

import pytest
from support.example_tapes import EXAMPLES, transformer

import clownpiece
import clownviz
from clownpiece import nn
from clownviz.analysis.cost import activation_bytes
from clownviz.analysis.modules import rows
from clownviz.views.columns import COLUMNS
from clownviz.views.summary import Summary


class Net(nn.Module):
    """A frozen stem, a layer that is used twice, and a head that is tied to it."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.stem.requires_grad_(False)
        self.body = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.twin = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.twin.weight = self.body[0].weight

    def forward(self, x):
        return self.twin(self.body(self.body(self.stem(x))))


@pytest.fixture
def tape():
    return clownviz.run(Net(), clownpiece.randn(2, 1, 8, 8), keep="shapes")


def cells(tape, *columns, **options):
    made = Summary(tape, columns=columns, **options)
    return {line.row.path: made.cells(line) for line in made.lines}


def test_frozen_tied_and_buffers_are_told_where_they_are(tape):
    table = cells(tape, "params", "frozen", "tied", "buffers")
    assert table["stem"] == ["40", "40", "", ""]
    assert table["body.0"] == ["148", "", "twin.weight", ""]
    assert table["twin"] == ["tied", "", "body.0.weight", ""]
    assert table["body.1"] == ["8", "", "", "40 B"]


def test_a_layer_that_is_used_twice_costs_twice_and_holds_its_parameters_once(tape):
    table = {row.path: row for row in rows(tape)}
    assert table["body.0"].calls == 2
    assert table["body.0"].own_macs == 2 * 2 * 4 * 4 * 9 * 64
    assert table["body.0"].own == 4 * 4 * 9 + 4


def test_bytes_moved_are_what_an_operation_reads_and_writes(tape):
    image, kernel = 2 * 4 * 64 * 4, 4 * 4 * 9 * 4
    assert {row.path: row for row in rows(tape)}["twin"].own_moved == 2 * image + kernel


def test_a_tensor_that_a_container_passes_on_takes_memory_once(tape):
    image = 2 * 4 * 64 * 4
    memory = {row.path: row.own_activations for row in rows(tape)}
    assert memory["body"] == memory[""] == 0
    assert (memory["stem"], memory["body.2"]) == (image, 2 * image)
    assert sum(memory.values()) == activation_bytes(tape) == 8 * image


def test_a_receptive_field_is_a_column(tape):
    table = cells(tape, "field")
    assert (table["stem"], table["body.0"], table["twin"]) == (["3×3"], ["5×5"], ["9×9"])


@pytest.mark.parametrize("depth", [0, 1, None])
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_column_of_sums_adds_up_to_the_model(example, depth):
    lines = Summary(EXAMPLES[example](), depth=depth).lines
    whole = Summary(EXAMPLES[example](), depth=0).lines[0].added
    assert [sum(column) for column in zip(*(line.added for line in lines))] == [*whole]


# -- sorted ----------------------------------------------------------------------------------


def test_a_sorted_summary_is_a_list_of_paths_with_the_largest_first():
    made = Summary(transformer(), sort="params")
    numbers = [line.added.params for line in made.lines]
    assert numbers == sorted(numbers, reverse=True)
    assert made.text().splitlines()[2].split()[:2] == ["blocks.1…5", "(5"]
    assert "├" not in made.text() and "\nblocks.0.ffn.0 (Linear)" in made.text()


def test_a_summary_can_be_sorted_the_other_way_and_by_what_it_does_not_show():
    numbers = [line.added.macs for line in Summary(
        transformer(), columns=["params"], sort="macs", descending=False
    ).lines]  # fmt: skip
    assert numbers == sorted(numbers)
    paths = [line.row.path for line in Summary(transformer(), sort="layer").lines]
    assert paths == sorted(paths, reverse=True)


@pytest.mark.parametrize("sort", [*COLUMNS, "layer"])
def test_every_column_sorts_every_model_and_the_totals_stay(sort):
    for example in EXAMPLES.values():
        made = Summary(example(), sort=sort)
        assert len(made.lines) == len(Summary(example()).lines)
        assert made.footer() == Summary(example()).footer()


def test_a_column_to_sort_by_must_exist():
    with pytest.raises(ValueError, match="no column 'weight': expected some of input, output"):
        Summary(transformer(), sort="weight")


def test_the_page_knows_the_order_of_the_tree_and_what_to_sort_by():
    made = Summary(transformer(), sort="params").html()
    places = [int(place) for place in re.findall(r'data-at="(\d+)"', made)]
    assert places != sorted(places) and sorted(places) == [*range(len(places))]
    assert 'aria-sort="descending"' in made and 'data-key="2.0' not in made
    assert "<script" not in made


def test_a_summary_alone_brings_its_script_along():
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU())
    shown = clownviz.summary(model, clownpiece.ones(2, 4))
    assert shown.html().count("<script") == 1 and "sortTables(document)" in shown.html()
    assert "<script" not in clownviz.tree(model).html()
