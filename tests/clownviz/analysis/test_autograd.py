"""The autograd graph holds what backward goes through: no more, no less, and in order."""

from __future__ import annotations

import pytest

import clownpiece
from clownpiece import nn
from clownpiece.nn import functional as F
from clownviz.analysis.autograd import autograd_graph, cards
from clownviz.recording.capture import describe, run


class Model(nn.Module):
    """A model whose forward is a function of itself and its inputs."""

    def __init__(self, forward, **parameters):
        super().__init__()
        self._forward = forward
        for name, value in parameters.items():
            self.register_parameter(name, nn.Parameter(clownpiece.tensor(value)))

    def forward(self, x):
        return self._forward(self, x)


def graph_of(forward, *inputs, **parameters):
    tape = run(Model(forward, **parameters), *inputs, keep="shapes")
    return autograd_graph(tape)


def program(graph):
    """The graph as lines `v1 = mul(w, x)`."""
    name = {key: term.name for key, term in graph.terms.items()}
    return [
        f"{name[op.outputs[0]]} = {op.name}({', '.join(name[key] for key in op.inputs)})"
        for op in graph.operations
    ]


def test_a_graph_is_a_program_from_the_leaves_to_the_loss():
    graph = graph_of(lambda m, x: (m.w * x + m.b).tanh(), clownpiece.tensor(2.0), w=1.0, b=0.5)
    assert program(graph) == ["v1 = mul(w, x)", "v2 = add(v1, b)", "loss = tanh(v2)"]
    assert [term.role for term in graph.leaves()][::2] == ["parameter", "parameter"]
    assert graph.terms[graph.root].role == "loss"


def test_what_no_gradient_flows_through_is_a_constant():
    def forward(model, x):
        mask = (x > 0).float() * 2
        return (model.w * mask).sum()

    graph = graph_of(forward, clownpiece.tensor([1.0, -1.0]), w=[1.0, 1.0])
    assert [op.name for op in graph.operations] == ["mul", "sum"]
    assert [t.role for t in graph.leaves()] == ["parameter", "constant"]


def test_a_branch_that_does_not_reach_the_loss_is_left_out():
    def forward(model, x):
        (model.w * 3).exp()
        return (model.w * x).sum()

    graph = graph_of(forward, clownpiece.ones(2), w=[1.0, 1.0])
    assert [op.name for op in graph.operations] == ["mul", "sum"]


def test_a_tensor_that_is_used_twice_is_one_term():
    graph = graph_of(lambda m, x: (m.w * m.w) * (m.w + x), clownpiece.tensor(1.0), w=3.0)
    assert program(graph)[0] == "v1 = mul(w, w)"
    assert sum(term.role == "parameter" for term in graph.terms.values()) == 1


def test_a_change_in_place_is_a_result_of_its_own():
    def forward(model, x):
        y = model.w * x
        y.mul_(2)
        return y.sum()

    graph = graph_of(forward, clownpiece.ones(2), w=[1.0, 1.0])
    made = [op.outputs[0] for op in graph.operations]
    assert len(set(made)) == 3 and graph.operations[1].inputs[0] == made[0]


def test_a_loss_outside_of_the_model_is_the_root():
    target = clownpiece.zeros(4, 2)
    tape = run(
        nn.Linear(3, 2),
        clownpiece.ones(4, 3),
        keep="shapes",
        gradients=True,
        loss=lambda y: F.mse_loss(y, target),
    )
    graph = autograd_graph(tape)
    assert graph.operations[0].name == "linear"
    assert graph.terms[graph.root].name == "loss"
    assert graph.operations[-1].call is None


def test_without_a_gradient_there_is_no_graph():
    with clownpiece.no_grad():
        assert autograd_graph(run(nn.Linear(2, 2), clownpiece.ones(1, 2))).root is None
    assert autograd_graph(describe(nn.Linear(2, 2))).operations == []


def deep(layers):
    return nn.Sequential(
        *[nn.Sequential(nn.Linear(2, 2), nn.Tanh(), nn.Linear(2, 2)) for _ in range(layers)]
    )


@pytest.mark.parametrize("budget, count", [(100, 30), (29, 10), (9, 10)])
def test_more_operations_than_the_budget_share_cards_by_their_calls(budget, count):
    tape = run(deep(10), clownpiece.ones(1, 2), keep="shapes")
    graph = autograd_graph(tape)
    found = cards(graph, tape, budget)
    assert len(found) == count
    assert sum(len(card.operations) for card in found) == 30
    if count == 10:
        assert [card.label for card in found] == [str(n) for n in range(10)]


def test_a_loop_over_one_module_ends_on_one_card():
    cell = nn.RNNCell(2, 2)

    class Loop(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = cell

        def forward(self, x):
            h = None
            for _ in range(200):
                h = self.cell(x, h)
            return h

    tape = run(Loop(), clownpiece.ones(1, 2), keep="shapes")
    assert len(cards(autograd_graph(tape), tape, 50)) == 1
