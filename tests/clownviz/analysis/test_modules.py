"""Rows of facts: unique parameters, ties, repeats, cost, over tapes made by hand."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from support.tapes import TapeMaker

from clownviz.analysis.modules import repeats, rows, totals
from clownviz.analysis.outline import outline


def by_path(made):
    return {row.path: row for row in rows(made.tape)}


def test_a_tied_parameter_is_counted_once_in_every_module_above_both_places():
    made = TapeMaker()
    made.module("a", "Sequential")
    made.module("a.embed", "Embedding", weight=(10, 4))
    made.module("a.head", "Linear", weight=(10, 4), bias=(10,), tied={"weight": "a.embed.weight"})
    made.module("c", "Linear", weight=(10, 4), tied={"weight": "a.embed.weight"})
    table = by_path(made)
    assert {path: row.params for path, row in table.items()} == {
        "": 50,
        "a": 50,
        "a.embed": 40,
        "a.head": 50,
        "c": 40,
    }
    assert [row.own for row in table.values()] == [0, 0, 40, 10, 0]
    assert table["c"].tied == ("a.embed.weight", "a.head.weight")
    assert totals(made.tape, table.values()).tied == [
        ("a.embed.weight", "a.head.weight", "c.weight")
    ]


def test_two_names_of_one_tensor_in_one_module_count_once():
    made = TapeMaker()
    made.module("a", "Cell", w=(3, 3), u=(3, 3), tied={"u": "a.w"})
    assert by_path(made)["a"].params == by_path(made)[""].params == 9


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5)), max_size=25))
def test_unique_counts_agree_with_sets(places):
    """Modules at random places of a tree, each with one of a few tensors."""
    made = TapeMaker()
    paths = [""]
    for number, (above, tensor) in enumerate(places):
        parent = paths[above % len(paths)]
        path = f"{parent}.m{number}" if parent else f"m{number}"
        # A tensor's shape says which it is, so that its count is that of its name.
        made.module(path, "Cell", w=(tensor + 1, 7), tied={"w": str(tensor)})
        paths.append(path)
    # Parents before children, as in a real tape.
    ordered: list[str] = []
    waiting = [""]
    while waiting:
        path = waiting.pop()
        ordered.append(path)
        waiting += reversed(made.tape.modules[path].children)
    made.tape.modules = {path: made.tape.modules[path] for path in ordered}
    for row in rows(made.tape):
        below = [
            p
            for path, info in made.tape.modules.items()
            if path == row.path or not row.path or path.startswith(row.path + ".")
            for p in info.parameters
        ]
        assert row.params == sum({p.id: p.count for p in below}.values())
        assert row.bytes == 4 * row.params


def stack_of(blocks: int, wide: int = 4):
    made = TapeMaker()
    made.module("blocks", "ModuleList")
    for n in range(blocks):
        made.module(f"blocks.{n}", "Block")
        made.module(f"blocks.{n}.up", "Linear", weight=(wide, wide))
        made.module(f"blocks.{n}.act", "ReLU")
    return made


def test_equal_blocks_are_found_by_structure():
    made = stack_of(6)
    (repeat,) = repeats(made.tape)
    assert (repeat.first, repeat.count, repeat.span) == (("blocks.0",), 6, "0…5")
    table = by_path(made)
    assert table["blocks.0"].repeat == repeat
    assert {row.like for row in table.values()} == {None, "blocks.0"}


def test_a_block_with_another_setting_ends_a_run():
    made = stack_of(6)
    made.tape.modules["blocks.3.act"].extra = "inplace=True"
    assert [r.members for r in repeats(made.tape)] == [
        ("blocks.0", "blocks.1", "blocks.2"),
        ("blocks.4", "blocks.5"),
    ]


def test_groups_of_siblings_repeat_too():
    made = TapeMaker()
    for n in range(0, 12, 2):
        made.module(str(n), "Linear", weight=(4, 4))
        made.module(str(n + 1), "ReLU")
    (repeat,) = repeats(made.tape)
    assert (repeat.first, repeat.count) == (("0", "1"), 6)


def test_names_of_their_own_are_no_repetition():
    made = TapeMaker()
    for name in ("query", "key", "value", "out"):
        made.module(name, "Linear", weight=(4, 4))
    assert repeats(made.tape) == []


def test_blocks_that_saw_other_shapes_are_not_equal():
    made = stack_of(2)
    x, y = made.tensor(8, 4), made.tensor(2, 4)
    with made.call("", x=x):
        made.layer("blocks.0", x)
        made.layer("blocks.1", y)
    assert [row for row in rows(made.tape) if row.repeat] == []


@given(st.integers(0, 9), st.integers(0, 3), st.booleans())
def test_the_lines_of_an_outline_add_up_to_the_model(blocks, depth, fold):
    made = stack_of(blocks)
    made.module("head", "Linear", weight=(9, 4))
    x = made.tensor(8, 4)
    with made.call("", x=x):
        for n in range(blocks):
            made.layer(f"blocks.{n}.up", x, flops=64)
        made.layer("head", x, flops=100)
    table = rows(made.tape)
    lines = outline(table, depth=depth, fold=fold)
    assert sum(line.added.params for line in lines) == table[0].params == 16 * blocks + 36
    assert sum(line.added.macs for line in lines) == table[0].macs == 32 * blocks + 50


def test_a_module_with_very_many_children_stays_a_readable_list():
    made = TapeMaker()
    for n in range(5000):
        made.module(f"m{n}", "Linear", weight=(n + 1, 2))
    lines = outline(rows(made.tape))
    assert len(lines) < 80
    (more,) = [line for line in lines if line.kind == "more"]
    assert more.count + len(lines) - 2 == 5000
    assert sum(line.added.params for line in lines) == rows(made.tape)[0].params


def test_a_very_deep_tree_is_walked_without_recursion():
    made = TapeMaker()
    path = ""
    for _ in range(3000):
        path = f"{path}.m" if path else "m"
        made.module(path, "Box", w=(1,))
    table = rows(made.tape)
    assert (table[0].params, table[-1].depth) == (3000, 3000)
    assert len(outline(table)) < 60


def test_calls_shapes_and_errors_are_those_of_the_run():
    made = TapeMaker()
    made.module("fc", "Linear", weight=(3, 2))
    made.module("act", "ReLU")
    x = made.tensor(5, 2)
    made.tape.error = "ValueError: no"
    with made.call("", error="ValueError: no", x=x):
        h = made.layer("fc", x, 5, 3)
        with made.call("act", error="ValueError: no", x=h):
            pass
    table = by_path(made)
    assert (table["fc"].input, table["fc"].output, table["fc"].calls) == ("(5, 2)", "(5, 3)", 1)
    assert table["act"].error == "ValueError: no"
    assert table[""].error == "✗"
