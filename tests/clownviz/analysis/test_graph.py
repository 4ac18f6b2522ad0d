"""The dataflow: skips, reuse, folding, loops and ties, from operations alone."""

from __future__ import annotations

import pytest
from support.tapes import TapeMaker

from clownviz.analysis.graph import MOST_PLACES, dataflow
from clownviz.analysis.modules import rows
from clownviz.analysis.plan import MOST_SIBLINGS, make_plan


def edges(graph):
    """The edges with the names that one would say."""
    return {(name(graph, a), name(graph, b)) for a, b in graph.edges}


def name(graph, key):
    node = graph.nodes[key]
    return node.path if node.role == "module" else node.label


def made_with(*layers):
    made = TapeMaker()
    for path in layers:
        made.module(path, "Linear", weight=(4, 4))
    return made, made.tensor(2, 4)


def test_a_skip_ends_in_a_plus():
    made, x = made_with("a")
    with made.call("", x=x) as net:
        net.returns(made.op("add", made.layer("a", x), x))
    graph = dataflow(made.tape)
    assert edges(graph) == {("x", "a"), ("x", "+"), ("a", "+"), ("+", "output")}


def test_registration_order_does_not_matter():
    made, x = made_with("last", "first")
    with made.call("", x=x) as net:
        net.returns(made.layer("last", made.layer("first", x)))
    assert edges(dataflow(made.tape)) == {("x", "first"), ("first", "last"), ("last", "output")}


def test_a_module_called_three_times_is_one_node():
    made, x = made_with("a", "relu", "b")
    with made.call("", x=x) as net:
        h = made.layer("relu", made.layer("a", x))
        h = made.layer("relu", made.layer("b", h))
        net.returns(made.layer("relu", h))
    graph = dataflow(made.tape)
    assert graph.nodes["node:relu"].count == 3
    assert edges(graph) >= {("a", "relu"), ("relu", "b"), ("b", "relu"), ("relu", "output")}
    assert len(graph.nodes) == 5


def test_an_activation_used_twice_is_no_loop():
    made, x = made_with("a", "b")
    made.module("relu", "ReLU")
    with made.call("", x=x) as net:
        h = made.layer("relu", made.layer("a", x))
        net.returns(made.layer("relu", made.layer("b", h)))
    graph = dataflow(made.tape)
    first, second = graph.nodes["node:relu"], graph.nodes["node@2:relu"]
    assert (first.place, second.place, first.places, first.count) == (1, 2, 2, 1)
    assert [*graph.edges] == [
        ("input:x", "node:a"),
        ("node:a", "node:relu"),
        ("node:relu", "node:b"),
        ("node:b", "node@2:relu"),
        ("node@2:relu", "output:output"),
    ]


def test_a_pool_behind_an_activation_that_is_used_twice_is_no_loop_either():
    made, x = made_with("a", "b")
    made.module("relu", "ReLU")
    made.module("pool", "MaxPool2d")
    with made.call("", x=x) as net:
        h = made.layer("pool", made.layer("relu", made.layer("a", x)))
        net.returns(made.layer("pool", made.layer("relu", made.layer("b", h))))
    assert [*dataflow(made.tape).edges] == [
        ("input:x", "node:a"),
        ("node:a", "node:relu"),
        ("node:relu", "node:pool"),
        ("node:pool", "node:b"),
        ("node:b", "node@2:relu"),
        ("node@2:relu", "node@2:pool"),
        ("node@2:pool", "output:output"),
    ]


def test_modules_without_numbers_that_feed_each_other_for_ever_end_in_one_card():
    made, x = made_with()
    made.module("relu", "ReLU")
    made.module("pool", "MaxPool2d")
    with made.call("", x=x) as net:
        for _ in range(200):
            x = made.layer("pool", made.layer("relu", x))
        net.returns(x)
    assert len(dataflow(made.tape).nodes) <= 2 * MOST_PLACES + 2


def test_an_activation_in_a_loop_over_time_is_one_node():
    made, x = made_with("hh")
    made.module("tanh", "Tanh")
    with made.call("", x=x) as net:
        for _ in range(20):
            x = made.layer("tanh", made.layer("hh", x))
        net.returns(x)
    graph = dataflow(made.tape)
    assert graph.nodes["node:tanh"].count == 20
    assert ("tanh", "hh") in edges(graph) and len(graph.nodes) == 4


def test_moves_are_written_on_the_edge():
    made, x = made_with("a", "b")
    with made.call("", x=x) as net:
        h = made.op("transpose", made.op("reshape", made.layer("a", x), shape=(8,)), shape=(8, 1))
        net.returns(made.layer("b", h))
    edge = dataflow(made.tape).edges["node:a", "node:b"]
    assert edge.moved == ("reshape", "transpose")
    assert (edge.left, edge.shapes) == (["(2, 4)"], ["(8, 1)"])


def test_a_module_that_returns_its_input_is_still_on_the_way():
    made, x = made_with("drop", "b")
    with made.call("", x=x) as net:
        with made.call("drop", x=x) as drop:
            drop.returns(x)
        net.returns(made.layer("b", x))
    assert edges(dataflow(made.tape)) == {("x", "drop"), ("drop", "b"), ("b", "output")}


def test_what_a_module_has_only_passed_on_inside_of_another_comes_from_where_it_was_made():
    # norm(h) = double(drop(h)), and drop returns h itself: the skip does not begin at drop.
    made, x = made_with("a", "b")
    made.module("norm", "Norm")
    made.module("norm.drop", "Dropout")
    made.module("norm.double", "Linear", weight=(4, 4))
    with made.call("", x=x) as net:
        h = made.layer("a", x)
        with made.call("norm", x=h) as norm:
            with made.call("norm.drop", input=h) as drop:
                drop.returns(h)
            norm.returns(made.layer("norm.double", h))
        net.returns(made.op("add", h, made.layer("b", norm.output)))
    found = edges(dataflow(made.tape))
    assert {("a", "norm.drop"), ("norm.drop", "norm.double"), ("a", "+")} <= found
    assert ("norm.drop", "+") not in found


def test_a_loop_over_time_stays_the_size_of_one_step():
    made, x = made_with("ih", "hh")
    with made.call("", x=x) as net:
        h = made.tensor(2, 4)
        for _ in range(50):
            step = made.op("getitem", x)
            both = made.op("add", made.layer("ih", step), made.layer("hh", h), site=1)
            h = made.op("tanh", both, site=2)
        net.returns(h)
    graph = dataflow(made.tape)
    assert {(n.label, n.count) for n in graph.nodes.values() if n.role == "operation"} == {
        ("+", 50),
        ("tanh", 50),
    }
    assert ("tanh", "hh") in edges(graph)


def test_one_line_that_joins_other_modules_each_time_is_not_merged():
    made, x = made_with("a", "b", "c")
    with made.call("", x=x) as net:
        for layer in ("a", "b", "c"):
            x = made.op("add", x, made.layer(layer, x), site=1)
        net.returns(x)
    graph = dataflow(made.tape)
    assert sum(n.role == "operation" for n in graph.nodes.values()) == 3


def transformer(blocks: int):
    made = TapeMaker()
    made.module("embed", "Embedding", weight=(9, 4))
    made.module("blocks", "ModuleList")
    for n in range(blocks):
        made.module(f"blocks.{n}", "Block")
        made.module(f"blocks.{n}.attn", "Linear", weight=(4, 4))
        made.module(f"blocks.{n}.ffn", "Linear", weight=(8, 4))
    made.module("head", "Linear", weight=(9, 4), tied={"weight": "embed.weight"})
    x = made.tensor(2, 4)
    with made.call("", x=x) as net:
        h = made.layer("embed", x)
        for n in range(blocks):
            with made.call(f"blocks.{n}", x=h) as block:
                h = made.op("add", h, made.layer(f"blocks.{n}.attn", h), site=1)
                h = made.op("add", h, made.layer(f"blocks.{n}.ffn", h), site=2)
                block.returns(h)
        net.returns(made.layer("head", h))
    return made


def test_equal_blocks_are_drawn_once():
    graph = dataflow(transformer(6).tape)
    assert graph.clusters["blocks.0"].repeat == 6
    assert graph.clusters["blocks.0"].parent == ""
    assert [n.count for n in graph.nodes.values() if n.role == "operation"] == [1, 1]
    assert edges(graph) == {
        ("x", "embed"),
        ("embed", "blocks.0.attn"),
        ("embed", "+"),
        ("blocks.0.attn", "+"),
        ("+", "blocks.0.ffn"),
        ("blocks.0.ffn", "+"),
        ("+", "+"),
        ("+", "head"),
        ("head", "output"),
    }


def test_blocks_can_be_unfolded():
    made = transformer(3)
    graph = dataflow(made.tape, make_plan(made.tape, unfolded=["blocks.1"]))
    assert list(graph.clusters) == ["", "blocks.0", "blocks.1", "blocks.2"]
    assert sum(n.role == "operation" for n in graph.nodes.values()) == 6


def test_a_closed_module_is_one_card():
    made = transformer(3)
    graph = dataflow(made.tape, make_plan(made.tape, closed=["blocks.0"]))
    assert edges(graph) == {
        ("x", "embed"),
        ("embed", "blocks.0"),
        ("blocks.0", "head"),
        ("head", "output"),
    }


@pytest.mark.parametrize("depth, nodes", [(0, 3), (1, 5), (2, 5), (None, 8)])
def test_depth_says_how_far_modules_are_opened(depth, nodes):
    made = transformer(2)
    graph = dataflow(made.tape, make_plan(made.tape, depth=depth))
    assert len(graph.nodes) == nodes


def test_tied_parameters_are_a_link():
    assert dataflow(transformer(2).tape).ties == [("node:embed", "node:head", "weight")]


def test_a_parameter_that_a_forward_reads_itself_is_a_node():
    made, x = made_with("a")
    with made.call("", x=x) as net:
        scale = made.tensor(4, origin="parameter:scale")
        net.returns(made.op("mul", made.layer("a", x), scale))
    graph = dataflow(made.tape)
    assert ("scale", "×") in edges(graph)
    assert graph.nodes["parameter:scale"].role == "parameter"


def test_a_parameter_of_a_drawn_module_is_a_link_to_it():
    made, x = made_with("a")
    with made.call("", x=x) as net:
        weight = made.tensor(4, 4, origin="parameter:a.weight")
        net.returns(made.op("matmul", made.layer("a", x), weight))
    graph = dataflow(made.tape)
    assert [tie[0] for tie in graph.ties] == ["node:a"]


def test_the_failing_operation_gets_what_was_made_for_it():
    made, x = made_with("a", "b")
    made.tape.error = "RuntimeError: sizes"
    with made.call("", error="RuntimeError: sizes", x=x):
        made.layer("a", x, 2, 8)
        made.layer("b", x, 2, 3)
    graph = dataflow(made.tape)
    assert edges(graph) == {("x", "a"), ("x", "b"), ("a", "raised here"), ("b", "raised here")}
    assert graph.clusters[""].error == "RuntimeError: sizes"


def test_dictionaries_in_and_out_name_their_ends():
    made, x = made_with("a")
    mask = made.tensor(2)
    with made.call("", batch={"x": x, "mask": mask}) as net:
        net.returns({"logits": made.layer("a", x), "mask": mask})
    graph = dataflow(made.tape)
    assert {n.label for n in graph.nodes.values() if n.role == "input"} == {
        "batch.x",
        "batch.mask",
    }
    assert {n.label for n in graph.nodes.values() if n.role == "output"} == {
        "output.logits",
        "output.mask",
    }


def test_of_very_many_children_the_middle_is_one_card():
    made = TapeMaker()
    x = made.tensor(2, 4)
    for n in range(1000):
        made.module(f"m{n}", "Linear", weight=(n + 1, 4))
    with made.call("", x=x) as net:
        for n in range(1000):
            x = made.layer(f"m{n}", x)
        net.returns(x)
    plan = make_plan(made.tape)
    graph = dataflow(made.tape, plan)
    (card,) = plan.left_out
    assert plan.left_out[card] + MOST_SIBLINGS - 1 == 1000
    assert len(graph.nodes) == MOST_SIBLINGS + 2
    assert len(graph.edges) == MOST_SIBLINGS + 1


def test_without_a_run_the_graph_is_the_tree():
    made = transformer(3)
    made.tape.calls.clear()
    made.tape.operations.clear()
    graph = dataflow(made.tape)
    assert edges(graph) >= {("", "embed"), ("blocks", "blocks.0"), ("blocks.0", "blocks.0.attn")}
    assert "node:blocks.1" not in graph.nodes


def test_the_graph_is_linear_in_the_tape():
    made = transformer(400)
    graph = dataflow(made.tape, table=rows(made.tape))
    assert len(graph.nodes) == 8


def test_tensors_that_arrive_together_are_one_edge():
    made, x = made_with("qkv")
    with made.call("", x=x) as net:
        h = made.layer("qkv", x)
        parts = [made.op("split", h, shape=(2, 1)) for _ in range(3)]
        net.returns(made.op("scaled_dot_product_attention", *parts))
    graph = dataflow(made.tape)
    (edge,) = [e for (source, _), e in graph.edges.items() if source == "node:qkv"]
    assert (edge.together, edge.shapes, edge.moved) == (3, ["(2, 1)"], ("split",))
    assert graph.edges["input:x", "node:qkv"].together == 1


def test_one_tensor_as_several_arguments_is_one_input():
    made, x = made_with("a")
    with made.call("", query=x, key=x) as net:
        net.returns(made.layer("a", x))
    assert edges(dataflow(made.tape)) == {("query, key", "a"), ("a", "output")}
