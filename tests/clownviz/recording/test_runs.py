"""What a run of the model is, and what it leaves as it was: in both libraries."""

from __future__ import annotations

import copy
import importlib
from collections import Counter, deque
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import clownviz
from clownviz.recording import protect

LIBRARIES = ["clownpiece", "torch"]


@pytest.fixture(params=LIBRARIES)
def library(request):
    return pytest.importorskip(request.param)


def labels(tape: Any) -> list[tuple[str, int]]:
    return [(call.label, call.step) for call in tape.calls if call.phase == "forward"]


def test_a_model_that_calls_itself_runs_once(library):
    class Descends(library.nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = library.nn.Linear(4, 4)

        def forward(self, x, depth=2):
            x = self.layer(x)
            return self(x, depth - 1) if depth else x

    model = Descends()
    with clownviz.capture(model) as tape:
        model(library.ones(1, 4))
        model(library.ones(1, 4), 0)
    assert labels(tape) == [
        ("Descends", 0), ("layer", 0), ("Descends#2", 0), ("layer#2", 0), ("Descends#3", 0),
        ("layer#3", 0), ("Descends", 1), ("layer", 1),
    ]
    assert [call.parent for call in tape.calls] == [None, 0, 0, 2, 2, 4, None, 6]


@pytest.mark.parametrize("use_reentrant", [False, True])
def test_what_a_checkpoint_computes_again_is_no_further_run(library, use_reentrant):
    module = importlib.import_module(f"{library.__name__}.utils.checkpoint")
    nn, again = library.nn, partial(module.checkpoint, use_reentrant=use_reentrant)

    class Frugal(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
            self.head = nn.Linear(4, 1)

        def forward(self, x):
            return self.head(again(self.body, x))

    model, x = Frugal(), library.ones(2, 4, requires_grad=True)
    optimizer = importlib.import_module(f"{library.__name__}.optim").SGD(model.parameters(), lr=0.1)
    with clownviz.capture(model, gradients=True) as tape:
        for _ in range(2):
            optimizer.zero_grad()
            model(x).sum().backward()
            optimizer.step()
    run = ["Frugal", "body", "body.0", "body.1", "head"]
    assert labels(tape) == [(label, step) for step in (0, 1) for label in run]
    assert [update.step for update in tape.updates] == [0, 1]
    assert "once more during backward" in tape.notes[0]
    assert all(p.gradient is not None for m in tape.modules.values() for p in m.parameters)


def writer(library: Any) -> Any:
    """A model whose forward writes into whatever it has."""
    nn = library.nn

    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.history, self.cache, self.seen = [], {"keys": [library.zeros(2)]}, {0}
            self.recent, self.counts = deque([1], maxlen=2), Counter()
            self.state, self.array = library.zeros(4), np.zeros(3)
            self.average = nn.Parameter(library.zeros(4), requires_grad=False)
            self.register_buffer("mean", library.zeros(4))
            self.late = None
            self.embedding = nn.Embedding(5, 4, max_norm=0.1)

        def forward(self, x, memory):
            self.history.append(x)
            self.cache["keys"].append(x)
            self.cache["keys"][0].add_(1)
            self.cache["values"] = x
            self.seen.add(1)
            self.recent.append(2)
            self.counts["calls"] += 1
            memory["x"] = x
            if self.late is None:
                self.late = nn.Linear(4, 4)
            with library.no_grad():
                self.state.add_(1)
                self.mean.add_(1)
                self.layer.weight.mul_(2)
                self.average = nn.Parameter(self.average + 1, requires_grad=False)
            self.array += 1
            return self.late(self.layer(x)) + self.embedding(library.tensor([1, 2]))

    return Writes()


def contents(model: Any, memory: dict[str, Any]) -> SimpleNamespace:
    return SimpleNamespace(
        plain=[
            copy.deepcopy(each)
            for each in (
                model.history, model.seen, list(model.recent), model.counts, memory,
                model.array.tolist(), list(model.cache), len(model.cache["keys"]),
                model.cache["keys"][0].tolist(), model.state.tolist(),
            )
        ],
        state={name: tensor.tolist() for name, tensor in model.state_dict().items()},
        modules=list(map(id, model.modules())),
        parameters=list(map(id, model.parameters())),
        buffers=list(map(id, model.buffers())),
    )


@pytest.mark.parametrize("verb", ["summary", "diagram", "report"])
def test_a_view_restores_what_a_forward_writes_into(library, verb):
    model, memory = writer(library), {}
    before = contents(model, memory)
    getattr(clownviz, verb)(model, library.ones(2, 4), memory)
    assert contents(model, memory) == before


def test_modules_that_a_run_has_made_are_told(library):
    model = writer(library)
    with clownviz.capture(model) as tape:
        model(library.ones(2, 4), {})
    assert tape.notes == [
        "late came into the model while it was watched: what is new was not seen. "
        "Run the model once before."
    ]
    with clownviz.capture(model) as tape:
        model(library.ones(2, 4), {})
    assert tape.notes == [] and ("late", 0) in labels(tape)


def test_what_is_too_large_to_copy_is_left_alone(library, monkeypatch):
    monkeypatch.setattr(protect, "MOST_BYTES", 48)
    model, memory = writer(library), {}
    before = contents(model, memory)
    clownviz.summary(model, library.ones(2, 4), memory)
    after = contents(model, memory)
    changed = {name for name in before.state if before.state[name] != after.state[name]}
    assert changed == {"layer.weight", "embedding.weight"}
    assert after.plain == before.plain and after.buffers == before.buffers
