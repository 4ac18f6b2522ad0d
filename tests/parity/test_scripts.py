"""Random scripts, played with PyTorch and with clownpiece: identical from the first event on.

`CLOWNPIECE_SCRIPTS=2500 pytest tests/parity/test_scripts.py --hypothesis-seed=1` plays more of
them, every one a new one: Hypothesis by itself would make most of them by copying a part of the
one before to another place in it. What a script has found is told again below, shortened to what
it took.
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

torch = pytest.importorskip("torch")

from support import script_verbs  # noqa: E402
from support.scripts import VERBS, play, scripts  # noqa: E402
from support.stories import assert_told_alike  # noqa: E402

SCRIPTS = int(os.environ.get("CLOWNPIECE_SCRIPTS", "200"))



class Afresh(HypothesisProvider):
    """Hypothesis's own choices. It mutates what its own backend draws, and nobody else's."""


AVAILABLE_PROVIDERS["afresh"] = f"{__name__}.{Afresh.__name__}"


@settings(max_examples=SCRIPTS, backend="afresh", suppress_health_check=list(HealthCheck))
@given(scripts())
def test_random_scripts_are_played_alike(script):
    assert_told_alike(lambda library, log: play(script, library, log))


def test_all_verbs_are_in_the_scripts():
    own = {name for name, each in vars(script_verbs).items() if getattr(each, "__module__", "")}
    assert set(VERBS) <= own
    assert len(VERBS) > 35


FOUND = {
    "a parameter list of one prints in one line": [("make", "parameter list", 0), ("show", 0)],
    "a parameter dict prints old names of types": [("make", "parameter dict", 0), ("show", 0)],
    "a child without a name": [
        ("make", "part chain", 2),
        ("make", "identity", 0),
        ("attach", 0, "", 1, "set"),
        ("look", 0, "nothing", "has"),
    ],
    "a buffer does not take the place of an ordinary attribute": [
        ("make", "part chain", 0),
        ("set_buffer", 0, "training", "brief buffer", False, True),
    ],
    "a tuple in the place of a tensor": [
        ("make", "sequential", 0),
        ("call", 0, "leaf", "nested", "grad"),
    ],
    "a tuple in the place of a tensor that is to be changed": [
        ("make", "relu in place", 0),
        ("call", 0, "leaf", "nested", "grad"),
    ],
    "a weight that is gone": [
        ("make", "linear", 0),
        ("drop", 0, "weight", "none"),
        ("call", 0, "fresh", "alone", "grad"),
    ],
    "no input requires a gradient, and there are only pre-hooks": [
        ("make", "part chain", 2),
        ("hook_backward", 0, "backward pre", "change", False),
        ("call", 0, "constant", "alone", "grad"),
        ("backward", 0, 1, False),
    ],
    "a gradient taken at the output of a module is that before its hooks": [
        ("make", "part chain", 1),
        ("call", 0, "other leaf", "alone", "grad"),
        ("hook_backward", 0, "backward pre", "watch", False),
        ("call", 0, "earlier", "alone", "grad"),
        ("grad", 4, 0, 5, False, True),
    ],
    "an always-called hook after a pre-hook that failed sees what the one before it made": [
        ("make", "part nested", 2),
        ("hook_forward_pre", 0, "change", True, True),
        ("hook_forward_pre", 0, "fail", False, True),
        ("hook_forward", 0, "change", True, False, True),
        ("hook_forward", 0, "watch", False, True, True),
        ("call", 0, "other leaf", "alone", "grad"),
    ],
    "the bias of a linear layer has its gradient before its weight": [
        ("make", "linear", 3),
        ("hook_tensor", 4, "accumulated", "watch"),
        ("hook_tensor", 5, "accumulated", "watch"),
        ("call", 0, "leaf", "alone", "grad"),
        ("backward", 0, 0, False),
    ],
    "loading is seen by what was saved before the parameter was assigned": [
        ("make", "part twice", 2),
        ("call", 0, "fresh", "alone", "grad"),
        ("load", 0, 0, False, True),
        ("load", 0, 0, True, False),
        ("backward", 0, 1, True),
    ],
    "a registration hook that fails while a state is loaded": [
        ("make", "batch norm", 0),
        ("hook_registration", "buffer", "fail"),
        ("load", 0, 0, True, True),
    ],
    "a hook after loading may not return anything": [
        ("make", "layer norm", 2),
        ("hook_state", 0, "load post", "mistake"),
        ("load", 0, 0, False, False),
    ],
    "an assigned buffer is the one that was given": [
        ("make", "part twice", 4),
        ("set_buffer", 0, "c", "brief buffer", True, True),
        ("load", 0, 0, False, True),
    ],
    "a computed tensor in an attribute is pickled as a leaf": [
        ("make", "part chain", 2),
        ("set_parameter", 0, "b", "computed", False, 0),
        ("double", 0, "pickle"),
    ],
    "normalization in two dtypes": [
        ("make", "layer norm", 2),
        ("make", "batch norm", 2),
        ("convert", 0, "float"),
        ("convert", 1, "float"),
        ("call", 0, "fresh", "alone", "grad"),
        ("call", 1, "fresh", "alone", "grad"),
        ("show", 1),
    ],
    "registration hooks are told that a child is gone": [
        ("make", "part chain", 0),
        ("make", "part chain", 0),
        ("attach", 0, "c", 1, "set"),
        ("hook_registration", "module", "watch"),
        ("drop", 0, "c", "none"),
    ],
    "a buffer that is None is found": [
        ("make", "part nested", 2),
        ("set_buffer", 0, "a", "none", True, True),
        ("find", 0, "a", "buffer"),
    ],
    "a leaf that was frozen after the forward collects nothing": [
        ("make", "linear", 3),
        ("backward", 0, 1, True),
        ("require_grad", 0, False),
        ("backward", 0, 1, True),
    ],
    "the hooks of a leaf that was frozen after the forward are called": [
        ("make", "part chain", 0),
        ("hook_tensor", 0, "accumulated", "watch"),
        ("backward", 0, 0, True),
        ("freeze", 0, False),
        ("backward", 0, 0, True),
    ],
    "a hook of a child is given the errors of its parent when a state is loaded": [
        ("make", "part chain", 0),
        ("make", "part chain", 0),
        ("attach", 1, "a", 0, "set"),
        ("hook_state", 0, "load pre", "watch"),
        ("edit", 0, 0, "reshape"),
        ("load", 1, 0, False, False),
    ],
    "a hook of a tensor whose gradient is taken on the way to another": [
        ("make", "part pair", 0),
        ("call", 0, "leaf", "alone", "grad"),
        ("hook_tensor", 4, "tensor", "change"),
        ("grad", 1, 7, 4, False, True),
    ],
    "a buffer that was computed keeps its history when it is converted": [
        ("make", "part chain", 1),
        ("set_buffer", 0, "c", "brief buffer", False, False),
        ("set_parameter", 0, "c", "computed", False, 1),
        ("convert", 0, "to"),
        ("show", 0),
    ],
    "a batch is counted before the weight turns out to be gone": [
        ("make", "batch norm", 1),
        ("drop", 0, "weight", "delete"),
        ("call", 0, "fresh", "alone", "grad"),
        ("show", 0),
    ],
    "one running statistic of two": [
        ("make", "batch norm", 1),
        ("drop", 0, "running_mean", "none"),
        ("train", 0, False),
        ("call", 0, "fresh", "alone", "grad"),
    ],
    "running statistics of two dtypes": [
        ("make", "batch norm", 1),
        ("edit", 0, 3, "float"),
        ("load", 0, 0, False, True),
        ("grad", 1, 7, 1, False, True),
        ("show", 0),
    ],
    "what was walked over without a gradient is freed": [
        ("make", "part pair", 0),
        ("hook_backward", 0, "backward", "change", False),
        ("backward", 0, 2, False),
        ("backward", 4, 2, False),
    ],
    "a parameter called training": [
        ("make", "parameter list", 3),
        ("make", "dropout", 4),
        ("set_parameter", 1, "training", "computed", False, 0),
        ("call", 1, "other leaf", "alone", "grad"),
    ],
    "the last of no parameters": [
        ("change_dict", "clear", 3, "weight", 0),
        ("change_dict", "popitem", 5, "b", 2),
    ],
    "gradients with respect to nothing": [
        ("make", "part chain", 0),
        ("freeze", 0, False),
        ("grad", 0, 0, 0, False, True),
    ],
}


@pytest.mark.parametrize("found", FOUND)
def test_what_scripts_have_found(found):
    assert_told_alike(lambda library, log: play(FOUND[found], library, log))
