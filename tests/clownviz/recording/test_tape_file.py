"""A tape in a file: everything comes back, a killed process loses no whole step, damage is said."""

from __future__ import annotations

import copy
import dataclasses
import os
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

import clownpiece
from clownpiece import nn, optim
from clownviz.recording.capture import capture, describe
from clownviz.recording.tape import Call, ModuleInfo, Ref, Tape, Unregistered, Value
from clownviz.recording.tape_file import TapeFile, TapeFileError, load, save


class TwoHeads(nn.Module):
    """Nested and named inputs and outputs, a shared module, a tied parameter, a buffer."""

    def __init__(self):
        super().__init__()
        self.body = nn.Linear(4, 4)
        self.norm = nn.BatchNorm1d(4)
        self.heads = nn.ModuleList([nn.Linear(4, 2), nn.Linear(4, 2)])
        self.heads[1].weight = self.heads[0].weight

    def forward(self, x, *, scale=1.0):
        x = self.norm(self.body(self.body(x)) * scale)
        return {"first": self.heads[0](x), "rest": (self.heads[1](x), None)}


def loss_of(output):
    return (output["first"] * output["rest"][0]).mean()


def trained(steps=3, **options):
    """A tape of a few training steps, and after each of them a call of `each(tape)`."""
    each = options.pop("each", lambda tape: None)
    clownpiece.manual_seed(0)
    model = TwoHeads()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    with capture(model, **options) as tape:
        for _ in range(steps):
            optimizer.zero_grad()
            loss_of(model(clownpiece.randn(5, 4), scale=0.5)).backward()
            optimizer.step()
            each(tape)
    return copy.copy(tape)


def same(a, b):
    """Equality to the bit, of records, nests and arrays alike."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and (a.dtype, a.shape, a.tobytes()) == (
            b.dtype,
            b.shape,
            b.tobytes(),
        )
    if type(a) is not type(b):
        return False
    if dataclasses.is_dataclass(a):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


@pytest.mark.parametrize("keep", ["shapes", "statistics", "sample", "full"])
def test_a_tape_comes_back_as_it_was(tmp_path, keep):
    tape = trained(keep=keep, gradients=True)
    assert same(load(save(tape, tmp_path / "net.tape")), tape)


def test_what_is_not_registered_comes_back_too(tmp_path):
    model = TwoHeads()
    model.spare = [nn.Linear(4, 2)]
    tape = describe(model)
    again = load(save(tape, tmp_path / "net.tape"))
    assert again.modules[""].unregistered == (Unregistered("spare", "list", ("Linear",), 2, 10),)
    assert same(again, tape)


def test_every_type_of_array_and_number_comes_back(tmp_path):
    kinds = ["float64", "float32", "float16", "int64", "int32", "uint8", "bool"]
    tape = Tape("Net", {"": ModuleInfo("", "", "Net", "container")})
    for at, kind in enumerate(kinds):
        array = np.arange(6).reshape(2, 3).astype(kind)
        tape.values.append(Value(at, array.shape, kind, array.nbytes, array=array.T))
    tape.values.append(Value(7, (), "float64", 8, array=np.array(np.nan)))
    tape.values.append(Value(8, (0, 3), "float64", 0, array=np.empty((0, 3))))
    tape.calls.append(
        Call(0, "", 1, "Net", inputs={"x": (Ref(0), "None"), "y": [Ref(7)]}, seconds=float("inf"))
    )
    assert same(load(save(tape, tmp_path / "net.tape")), tape)


def test_a_file_that_grew_with_the_training_holds_what_one_saved_at_the_end_holds(tmp_path):
    path = tmp_path / "net.tape"
    with TapeFile(path) as file:
        tape = trained(gradients=True, each=file.append)
        file.append(tape)
        size = path.stat().st_size
        file.append(tape)
        assert path.stat().st_size == size, "nothing is new"
    found = load(path)
    assert len(found.calls) == len(tape.calls) and len(found.values) == len(tape.values)
    assert same(found.operations, tape.operations) and same(found.updates, tape.updates)


def test_a_capture_writes_its_tape_run_by_run(tmp_path):
    path = tmp_path / "net.tape"
    sizes = []
    tape = trained(
        steps=4, gradients=True, file=path, each=lambda _: sizes.append(len(path.read_bytes()))
    )
    assert sizes == sorted(sizes) and sizes[1] < sizes[3]
    found = load(path)
    for name in ("calls", "operations", "updates", "steps", "sites", "trained"):
        assert same(getattr(found, name), getattr(tape, name)), name
    assert same([v.gradient for v in found.values], [v.gradient for v in tape.values])


def test_what_comes_after_a_run_was_written_is_in_the_file_too(tmp_path):
    """Gradients of a run whose backward follows the next one, columns of a second optimizer."""
    model = TwoHeads()
    body, heads = (optim.SGD(part.parameters(), lr=0.1) for part in (model.body, model.heads))
    with capture(model, gradients=True, file=tmp_path / "late.tape") as tape:
        for step in range(4):
            first, second = (model(clownpiece.randn(5, 4)) for _ in range(2))
            (loss_of(first) + loss_of(second)).backward()
            body.step()
            if step > 1:
                heads.step()
    assert same(load(tmp_path / "late.tape"), copy.copy(tape))
    assert {len(update.rates) for update in tape.updates} == {len(tape.trained)}


def test_what_the_budget_let_go_of_is_in_the_file(tmp_path):
    path = tmp_path / "net.tape"
    tape = trained(steps=30, keep="full", file=path, budget="40 kB")
    kept, found = (sum(v.array is not None for v in t.values) for t in (tape, load(path)))
    assert kept < found


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = save(Tape("Old"), tmp_path / "net.tape")
    broken = Tape("New")
    broken.notes.append(object())
    with pytest.raises(TypeError):
        save(broken, path)
    assert load(path).model == "Old"
    assert [each.name for each in tmp_path.iterdir()] == ["net.tape"]


def test_a_closed_file_takes_no_more(tmp_path):
    file = TapeFile(tmp_path / "net.tape")
    file.close()
    file.close()
    with pytest.raises(ValueError, match="closed"):
        file.append(Tape("Net"))


WRITER = """
import sys
from clownviz.recording.tape import Tape, Value
from clownviz.recording.tape_file import TapeFile
tape = Tape("Net")
with TapeFile(sys.argv[1]) as file:
    while True:
        tape.values += [Value(len(tape.values) + n, (n,), "float32", 4 * n) for n in range(200)]
        file.append(tape)
        print(len(tape.values), flush=True)
"""


def test_a_killed_process_leaves_every_whole_step(tmp_path):
    path = tmp_path / "net.tape"
    command = [sys.executable, "-c", WRITER, str(path)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        told = [int(process.stdout.readline()) for _ in range(20)]
        process.send_signal(signal.SIGKILL)
        told += [int(line) for line in process.stdout]
    tape = load(path)
    assert len(tape.values) >= told[-1] and len(tape.values) % 200 == 0


def test_an_update_makes_a_step_whole_without_waiting_for_the_next(tmp_path):
    path, seen = tmp_path / "net.tape", []

    def each(tape):
        found = load(path)
        seen.append(len(found.updates))
        assert same(found.calls, tape.calls) and same(found.steps, tape.steps)
        assert [v.gradient for v in found.values] == [v.gradient for v in tape.values]

    trained(steps=4, gradients=True, file=path, each=each)
    assert seen == [1, 2, 3, 4]


def test_two_optimizers_that_take_turns_in_one_step_are_both_in_the_file(tmp_path):
    clownpiece.manual_seed(0)
    path, model = tmp_path / "net.tape", TwoHeads()
    body, heads = (optim.SGD(part.parameters(), lr=0.1) for part in (model.body, model.heads))
    with capture(model, gradients=True, file=path) as tape:
        for step in range(3):
            output = model(clownpiece.randn(5, 4))
            output["first"].square().mean().backward(retain_graph=True)
            heads.step()
            assert len(load(path).updates) == 2 * step + 1
            second = (output["first"].detach() * model.body.weight.sum()).mean()
            second.backward()
            body.step()
            assert load(path).steps[-1].scalars["loss"] == pytest.approx(second.item())
    assert same(load(path), copy.copy(tape))


# -- damage ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The bytes of a tape of four segments, where each begins, and what each prefix holds."""
    path = tmp_path_factory.mktemp("tape") / "net.tape"
    starts = [0]
    with TapeFile(path) as file:
        def each(tape):
            file.append(tape)
            starts.append(path.stat().st_size)
        trained(steps=4, each=each)
    data = path.read_bytes()
    prefixes = []
    for end in starts[1:]:
        path.write_bytes(data[:end])
        prefixes.append(load(path))
    return data, starts, prefixes


def test_a_file_cut_anywhere_gives_the_whole_steps_before_and_says_so(tmp_path, written):
    data, starts, prefixes = written
    path = tmp_path / "net.tape"
    chosen = random.Random(0).sample(range(1, len(data)), 150)
    for end in {*chosen, *(start + n for start in starts[:-1] for n in (1, 7, 8, 19, 20, 21))}:
        path.write_bytes(data[:end])
        whole = sum(start <= end for start in starts[1:])
        if whole == 0:
            with pytest.raises(TapeFileError, match="within its first step"):
                load(path)
            continue
        tape = load(path)
        assert len(tape.calls) == len(prefixes[whole - 1].calls)
        assert end in starts or "the steps before that are whole" in tape.notes[-1]


def test_a_flipped_bit_is_an_error_with_the_steps_before_it(tmp_path, written):
    data, starts, prefixes = written
    path = tmp_path / "net.tape"
    chance = random.Random(1)
    for _ in range(300):
        at = chance.randrange(len(data))
        flipped = bytearray(data)
        flipped[at] ^= 1 << chance.randrange(8)
        path.write_bytes(flipped)
        before = sum(start <= at for start in starts[1:])
        try:
            tape = load(path)
        except TapeFileError as error:
            tape = error.tape
        else:
            # Only the last length can be taken for that of a file that was cut short.
            assert 12 <= at - starts[before] < 20 and before == len(prefixes) - 1
        assert (tape is None) == (before == 0)
        if tape is not None:
            assert len(tape.calls) == len(prefixes[before - 1].calls)


def test_a_segment_with_a_wrong_length_is_damage_and_no_end(tmp_path, written):
    data, starts, prefixes = written
    changed = bytearray(data)
    changed[starts[1] + 16] ^= 1  # its length says 2**32 more
    (tmp_path / "net.tape").write_bytes(changed)
    with pytest.raises(TapeFileError, match="has not the length it says") as caught:
        load(tmp_path / "net.tape")
    assert len(caught.value.tape.calls) == len(prefixes[0].calls)


@pytest.mark.parametrize(
    "data", [b"", b"no tape", b"PK\x03\x04" + bytes(100), bytes(64), b"clownviz" + b"\xff" * 100]
)
def test_another_file_is_said_to_be_none(tmp_path, data):
    path = tmp_path / "net.tape"
    path.write_bytes(data)
    with pytest.raises(TapeFileError, match=r"net\.tape"):
        load(path)


def test_a_segment_with_a_right_checksum_and_wrong_content_is_an_error(tmp_path):
    from clownviz.recording.tape_file import _Segment

    parts = [
        {"model": "Net", "modules": 3},
        {"model": "Net", "modules": [], "values": [0, [{"Value": {"id": 0}}]]},
        {"model": "Net", "modules": [], "values": [0, [{"Popen": {"args": "true"}}]]},
        {"model": "Net", "modules": [], "values": [5, []]},
        {
            "model": "Net",
            "modules": [],
            "calls": [0, [{"Call": {"index": 0, "path": "", "number": 1, "kind": "Net",
                                    "outputs": {"r": 99}}}]],
        },
    ]
    for part in parts:
        path = tmp_path / "net.tape"
        path.write_bytes(_Segment().to_bytes(part))
        with pytest.raises(TapeFileError):
            load(path)
