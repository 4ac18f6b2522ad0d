"""Every check finds its patient and leaves the twin alone; all are silent on healthy models."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from support.patients import HEALTHY, PATIENTS, WARD, Made, data, looked_at, mlp, trained
from support.routines import routines

import clownpiece
from clownpiece import nn, optim
from clownpiece.nn import functional as F
from clownviz.analysis.findings import CHECKS, SEVERITIES, Thresholds, examine
from clownviz.recording.capture import capture, describe, run
from clownviz.recording.tape import ModuleInfo, Step, Tape


@pytest.mark.parametrize("name", PATIENTS)
def test_the_patient_is_found_and_nothing_else_is_said(name):
    check, patient, also = PATIENTS[name]
    found = examine(patient(False))
    assert {finding.check for finding in found} == {check, *also}, found


@pytest.mark.parametrize("name", PATIENTS)
def test_on_the_healthy_twin_all_checks_are_silent(name):
    _, patient, _ = PATIENTS[name]
    assert examine(patient(True)) == []


def test_every_check_has_a_patient():
    assert {check for check, _, _ in PATIENTS.values()} == set(CHECKS)


@pytest.mark.parametrize("name", HEALTHY)
def test_healthy_models_are_healthy(name):
    make, batch, loss = HEALTHY[name]
    model, (x, target) = make(), batch()

    def look() -> Tape:
        return run(model, x, keep="full", gradients=True, loss=lambda y: loss(y, target))

    assert examine(look()) == []
    for optimizer in (
        optim.AdamW(model.parameters(), lr=3e-3), optim.SGD(model.parameters(), lr=0.03),
    ):
        assert examine(trained(model, optimizer, batch=(x, target), loss=loss)) == []
    assert examine(look()) == []
    model.eval()
    with clownpiece.no_grad():
        assert examine(run(model, x)) == []


ROUTINES = routines(WARD)


@pytest.mark.parametrize("name", ROUTINES)
def test_healthy_trainings_that_are_no_plain_loop_are_healthy(name):
    assert examine(ROUTINES[name]()) == []


@pytest.mark.parametrize("name", PATIENTS)
def test_a_finding_is_a_sentence_with_evidence_and_a_fix(name):
    check, patient, _ = PATIENTS[name]
    tape = patient(False)
    (finding,) = [f for f in examine(tape, checks=[check]) if f.check == check]
    assert finding.sentence[0].isupper() or finding.sentence[0] in "`0123456789"
    assert finding.sentence.endswith(".") and finding.fix.endswith(".")
    assert finding.severity in SEVERITIES and all(finding.evidence)
    assert finding.phase in ("forward", "backward", "update")
    places = {*tape.modules, *(p.path for m in tape.modules.values() for p in m.parameters)}
    assert finding.path in places
    assert json.loads(json.dumps(finding.json()))["check"] == check


def test_thresholds_move_where_a_check_speaks():
    def dead(share: float) -> list:
        model = mlp()
        with clownpiece.no_grad():
            model[0].bias[:4] = -100.0
        return examine(looked_at(model), Thresholds(dead_share=share), ["dead_units"])

    assert dead(0.5) == [] and len(dead(0.2)) == 1
    assert len(dataclasses.fields(Thresholds)) > 10


def test_the_most_severe_comes_first():
    found = examine(PATIENTS["dead channels"][1](False)) + examine(PATIENTS["detach"][1](False))
    assert len({f.severity for f in found}) > 1
    model = mlp(Made(lambda self, x: x.detach()))
    nn.init.normal_(model[0].weight, std=50.0)
    x, _ = data()
    order = [SEVERITIES.index(f.severity) for f in examine(looked_at(model, 100 * x))]
    assert order == sorted(order) and len(set(order)) > 1


def test_a_check_that_is_not_known_is_told():
    with pytest.raises(ValueError, match="expected names from not_finite, "):
        examine(Tape("Net"), checks=["headache"])


def test_an_empty_tape_has_no_findings():
    tape = Tape("Net")
    tape.modules[""] = ModuleInfo("", "", "Net", "container")
    assert examine(tape) == []
    assert examine(describe(mlp())) == []


# -- what each says, and where it is careful ---------------------------------------------------


def sentence(name: str) -> str:
    check, patient, _ = PATIENTS[name]
    return examine(patient(False), checks=[check])[0].sentence


def test_nan_is_told_at_its_first_module_and_phase():
    assert sentence("log of a negative") == (
        "The first NaN is in the output of 1, made by `log`."
    )
    assert sentence("root at zero").startswith("The first gradient with ")
    assert sentence("overflowing step") == "SGD makes 0.weight NaN or infinite."
    assert sentence("broken weight") == "Weights of 0.weight are NaN before the model runs."
    assert sentence("dirty data") == "The model's input of shape (32, 8) holds NaN."


def test_scores_that_are_masked_with_minus_infinity_are_no_finding():
    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mask", clownpiece.full((4, 4), -math.inf).triu(1))

        def forward(self, x):
            return x + self.mask

    model = nn.Sequential(nn.Linear(4, 4), Masked(), nn.Softmax(-1))
    assert examine(run(model, clownpiece.randn(4, 4), keep="full")) == []


def test_a_loss_that_is_not_finite_is_found_where_the_output_still_is():
    tape = looked_at(mlp())
    tape.steps = [Step(0, {"loss": math.nan})]
    (finding,) = examine(tape)
    assert finding.sentence == "The loss is NaN although the model's output is finite."


def test_layers_in_a_list_are_told_by_its_name_and_what_is_in_it():
    (finding,) = examine(PATIENTS["layers in a list"][1](False))
    assert finding.sentence == (
        "The model does not know 2 modules in `layers` of Made, which is a plain list."
    )
    assert finding.evidence[0] == (
        "4 trainable parameters of 416 numbers (Linear): in no `parameters()` and no `state_dict()`"
    )
    assert finding.fix.endswith("`self.layers = nn.ModuleList(…)`.")


def test_parameters_in_a_list_are_not_registered_either():
    model = mlp()
    model[0].scales = [nn.Parameter(clownpiece.ones(3))]
    (finding,) = examine(describe(model))
    assert finding.path == "0" and finding.fix.endswith("`self.scales = nn.ParameterList(…)`.")
    assert "1 parameter in `scales` of 0" in finding.sentence


def test_lists_of_what_is_registered_frozen_or_without_parameters_are_no_finding():
    whole = mlp()
    model = whole[0]
    model.again = [model]
    model.above = [whole]
    model.weights = {"tied": model.weight}
    model.teacher = (mlp().requires_grad_(False),)
    model.activations = {"relu": nn.ReLU()}
    model.history = list(range(10_000))
    model.history.append(model.history)
    assert examine(describe(whole)) == [] and examine(describe(model)) == []


def test_a_large_table_in_plain_lists_is_not_walked_to_its_end():
    looked = []

    class Row(list):
        def __iter__(self):
            for each in super().__iter__():
                looked.append(each)
                yield each

    model = mlp()
    model.table = [Row(range(1_000)) for _ in range(1_000)]
    assert examine(describe(model)) == []
    assert len(looked) < 10_000


def test_what_is_broadcast_by_accident_is_told_with_its_shapes():
    (finding,) = examine(PATIENTS["column target, l1_loss"][1](False))
    assert finding.sentence == (
        "`l1_loss` of (32,) and (32, 1) is broadcast to (32, 32): every output meets every target."
    )
    assert finding.fix == "Give both one shape: `target.squeeze(1)`, or `output.unsqueeze(1)`."


@pytest.mark.parametrize(
    "loss",
    [
        lambda y, target: (y - y.squeeze(1)).abs().mean(),
        lambda y, target: (y.squeeze(1) - target[:, None]).abs().mean(),
        lambda y, target: (y.squeeze(1).unsqueeze(1) - target).abs().mean(),
        lambda y, target: y.mean() + (target[:, None] - target).mean(),
    ],
)
def test_pairs_that_are_made_on_purpose_are_no_finding(loss):
    x, _ = data()
    tape = run(nn.Linear(8, 1), x, gradients=True, loss=lambda y: loss(y, x.sum(dim=1)))
    assert examine(tape, checks=["broadcast_loss"]) == []


def test_the_cut_is_told_by_its_place():
    (finding,) = examine(PATIENTS["detach"][1](False))
    assert finding.sentence == (
        "The graph is cut behind 0: no gradient comes back to 0.weight and 0.bias."
    )
    assert finding.evidence[1] == "the next layer, 3, gets a gradient"


def test_a_gradient_that_vanishes_through_time_is_told_by_calls():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.cell = nn.RNNCell(8, 16)
            self.head = nn.Linear(16, 4)

        def forward(self, x):
            h = None
            for _ in range(20):
                h = self.cell(x, h)
            return self.head(h)

    model = Reads()
    nn.init.normal_(model.cell.weight_hh, std=0.05)
    (finding,) = examine(looked_at(model), checks=["changing_gradient"])
    assert "vanishes on its way from head to the first call of cell" in finding.sentence
    assert "a call over 21 calls" in finding.evidence[1] and "forget gate" in finding.fix


def test_a_rate_that_is_too_high_is_told_with_its_longest_step():
    (finding,) = examine(PATIENTS["rate too high"][1](False), checks=["learning_rate"])
    most = float(finding.evidence[0].split("‖Δw‖/‖w‖ ")[1].split(",")[0])
    assert most >= 0.5


def test_a_frozen_layer_is_no_finding():
    model = mlp()
    model[0].requires_grad_(False)
    assert examine(looked_at(model)) == []
    assert examine(trained(model, optim.SGD(model[2].parameters(), lr=0.1))) == []


def test_tied_weights_are_used_at_one_of_their_places():
    model = nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 8), nn.Linear(8, 4))
    model[2].weight = model[0].weight
    assert examine(looked_at(model)) == []


def test_a_run_without_a_backward_is_not_taken_for_a_prediction():
    assert examine(run(mlp(nn.Dropout(0.5)), data()[0])) == []


def test_a_validation_between_training_steps_is_seen():
    model, (x, target) = mlp(nn.Dropout(0.5)), data()
    with capture(model, gradients=True) as tape:
        F.cross_entropy(model(x), target).backward()
        with clownpiece.no_grad():
            model(x)
    (finding,) = examine(tape)
    assert finding.check == "training_mode_in_use" and finding.step == 1


def test_gradients_that_are_added_up_on_purpose_are_no_finding():
    model, (x, target) = mlp(), data()
    optimizer = optim.SGD(model.parameters(), lr=0.1)
    with capture(model, gradients=True) as tape:
        for _ in range(3):
            optimizer.zero_grad()
            for half in (slice(0, 16), slice(16, 32)):
                (F.cross_entropy(model(x[half]), target[half]) / 2).backward()
            optimizer.step()
    assert examine(tape) == []


def test_training_that_has_converged_is_not_called_slow():
    model, batch = mlp(), data()
    trained(model, optim.Adam(model.parameters(), lr=3e-2), batch=batch, steps=300)
    tape = trained(model, optim.SGD(model.parameters(), lr=0.03), batch=batch, steps=12)
    assert examine(tape) == []


def test_statistics_alone_show_a_layer_that_died_in_training():
    model = mlp()
    nn.init.constant_(model[0].bias, -100.0)
    (finding,) = examine(trained(model, keep="statistics"), checks=["dead_units"])
    assert finding.sentence == "100% of what 1 gives is dead."


def test_a_capture_of_some_modules_is_judged_by_what_it_saw():
    model = nn.Sequential(nn.Linear(8, 16), nn.Tanh(), nn.Linear(16, 4))
    nn.init.normal_(model[0].weight, std=20.0)
    x, target = data()
    for select, found in (("1", ["saturated_units"]), ("2", [])):
        with capture(model, select=select, gradients=True) as tape:
            F.cross_entropy(model(x), target).backward()
        assert [finding.check for finding in examine(tape)] == found


def test_an_input_that_the_model_normalizes_itself_is_no_finding():
    model = nn.Sequential(nn.BatchNorm1d(8), *mlp())
    assert examine(looked_at(model, 200 * data()[0])) == []


def test_token_numbers_are_no_raw_input():
    model = nn.Sequential(nn.Embedding(500, 8), nn.Linear(8, 4))
    x = clownpiece.arange(32) * 15
    assert examine(looked_at(model, x)) == []


def test_a_collapse_is_told_with_the_directions_that_are_left():
    (finding,) = examine(PATIENTS["equal weights"][1](False))
    assert finding.sentence == (
        "What 0 gives has collapsed: its 16 features move along 1 direction."
    )
    assert finding.evidence == (
        "effective rank 1 of 8 that are possible, over 32 examples",
        "so it is in 1 of 1 layers that could have 8 or more",
    )
    assert examine(PATIENTS["equal weights"][1](False), Thresholds(collapsed_width=9)) == []


def test_features_that_one_answer_needs_may_all_say_the_same():
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 1))
    nn.init.constant_(model[0].weight, 0.1)
    x, _ = data()
    assert examine(run(model, x, keep="full"), checks=["collapsed_rank"]) == []


def test_a_layer_that_was_given_few_directions_has_not_collapsed():
    model, (x, _) = mlp(), data()
    two = clownpiece.cat([x[:1].expand(16, 8), x[1:2].expand(16, 8)])
    assert examine(run(model, two, keep="full"), checks=["collapsed_rank"]) == []
