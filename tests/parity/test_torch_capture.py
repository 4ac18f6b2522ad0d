"""PyTorch's models on a tape: the same pictures as of clownpiece's, and no trace left behind."""

from __future__ import annotations

import copy
import io
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

import clownpiece  # noqa: E402
import clownviz  # noqa: E402
from clownviz.analysis.symbols import symbol  # noqa: E402
from clownviz.recording.attention import MASKED, decode_weights  # noqa: E402
from clownviz.views.diagram import Diagram  # noqa: E402


def block(library):
    """A residual block with a projection, as of a ResNet."""
    nn = library.nn

    class Block(nn.Module):
        def __init__(self, inside, outside, stride=1):
            super().__init__()
            self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(outside)
            self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(outside)
            self.relu = nn.ReLU(inplace=True)
            self.down = None
            if stride != 1:
                self.down = nn.Sequential(
                    nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
                )

        def forward(self, x):
            y = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
            return self.relu(y + (x if self.down is None else self.down(x)))

    return Block


def resnet(library):
    nn, Block = library.nn, block(library)

    class ResNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.stem = nn.Conv2d(3, 8, 3, padding=1)
            self.layer1 = nn.Sequential(Block(8, 8), Block(8, 8))
            self.layer2 = nn.Sequential(Block(8, 16, 2), Block(16, 16))
            self.fc = nn.Linear(16, 5)

        def forward(self, x):
            x = self.layer2(self.layer1(nn.functional.relu(self.stem(x))))
            return self.fc(x.mean(dim=(2, 3)))

    return ResNet(), library.ones(2, 3, 16, 16)


def transformer(library):
    nn = library.nn

    class Attention(nn.Module):
        def __init__(self, dim, heads):
            super().__init__()
            self.heads = heads
            self.qkv = nn.Linear(dim, 3 * dim)
            self.out = nn.Linear(dim, dim)

        def forward(self, x):
            n, t, d = x.shape
            q, k, v = self.qkv(x).view(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
            y = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            return self.out(y.transpose(1, 2).reshape(n, t, d))

    class Layer(nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
            self.attn = Attention(dim, 2)
            self.mlp = nn.Sequential(nn.Linear(dim, 4 * dim), nn.GELU(), nn.Linear(4 * dim, dim))

        def forward(self, x):
            x = x + self.attn(self.ln1(x))
            return x + self.mlp(self.ln2(x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte = nn.Embedding(11, 16)
            self.blocks = nn.ModuleList([Layer(16) for _ in range(3)])
            self.head = nn.Linear(16, 11, bias=False)
            self.head.weight = self.wte.weight

        def forward(self, tokens):
            x = self.wte(tokens)
            for layer in self.blocks:
                x = layer(x)
            return self.head(x)

    return GPT(), library.tensor([[1, 2, 3, 4], [5, 6, 7, 8]])


def recurrent(library):
    nn = library.nn

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(4, 6, num_layers=2, batch_first=True)
            self.out = nn.Linear(6, 3)

        def forward(self, x):
            y, (h, c) = self.lstm(x)
            return self.out(y), {"hidden": h, "cell": c}

    return Tagger(), library.ones(2, 5, 4)


MODELS = {"resnet": resnet, "transformer": transformer, "recurrent": recurrent}


@pytest.fixture(params=MODELS)
def name(request):
    return request.param


def test_a_model_has_the_summary_of_its_twin(name):
    texts = [clownviz.summary(*MODELS[name](library)).text() for library in (torch, clownpiece)]
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["resnet", "transformer"])
def test_a_model_has_the_diagram_of_its_twin(name):
    texts = [Diagram.of(clownviz.run(*MODELS[name](lib))).text() for lib in (torch, clownpiece)]
    assert texts[0] == texts[1]


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


@pytest.mark.parametrize(
    "function, shapes",
    [
        (torch.mm, [(3, 4), (4, 5)]),
        (torch.bmm, [(2, 3, 4), (2, 4, 5)]),
        (torch.matmul, [(2, 1, 3, 4), (6, 4, 5)]),
        (torch.linalg.matmul, [(3, 4), (4, 5)]),
        (torch.addmm, [(5,), (3, 4), (4, 5)]),
        (torch.baddbmm, [(2, 3, 5), (2, 3, 4), (2, 4, 5)]),
        (torch.inner, [(3, 4), (5, 4)]),
        (lambda a, b: torch.tensordot(a, b, 2), [(2, 3, 4), (3, 4, 5)]),
        (lambda *x: torch.einsum("bij,bjk->bik", *x), [(2, 3, 4), (2, 4, 5)]),
        (lambda *x: torch.einsum("bij,bjk->bik", list(x)), [(2, 3, 4), (2, 4, 5)]),
        (lambda *x: torch.einsum("...ij,jk", *x), [(7, 2, 3, 4), (4, 5)]),
        (lambda *x: torch.einsum("ij,jk,kl->il", *x), [(2, 3), (3, 4), (4, 5)]),
        (F.linear, [(2, 3, 4), (5, 4), (5,)]),
        (F.conv2d, [(2, 3, 9, 9), (4, 3, 3, 3)]),
        (lambda x, w: F.conv_transpose2d(x, w, stride=2), [(2, 3, 9, 9), (3, 4, 3, 3)]),
        (nn.MultiheadAttention(8, 2, batch_first=True), [(2, 5, 8), (2, 5, 8), (2, 5, 8)]),
        (nn.MultiheadAttention(8, 2, kdim=3, vdim=6), [(5, 2, 8), (7, 2, 3), (7, 2, 6)]),
    ],
)  # fmt: skip
def test_products_cost_what_pytorch_counts(function, shapes):
    inputs = [torch.randn(shape) for shape in shapes]
    with FlopCounterMode(display=False) as counter:
        function(*inputs)
    tape = clownviz.run(Function(function), *inputs)
    assert sum(operation.flops for operation in tape.operations) == counter.get_total_flops()


@pytest.mark.parametrize("library", [torch, clownpiece])
def test_a_number_in_an_operation_is_told_on_its_side(library):
    class Gates(library.nn.Module):
        def forward(self, x):
            return (2 / (1 - x) - 3) * 0.5 + 2**x

    text = clownviz.autograd(Gates(), library.ones(2, requires_grad=True) / 2).text()
    tape = clownviz.run(Gates(), library.ones(2))
    told = [symbol(operation) for operation in tape.operations]
    assert told == ["1 −", "2 ÷", "− 3", "× 0.5", "2 ^", "+"]
    assert "other=3" in text


def everything(model):
    state = {key: value.clone() for key, value in model.state_dict().items()}
    hooks = [
        len(getattr(module, table))
        for module in model.modules()
        for table in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    ]
    return state, hooks, torch.get_rng_state()


def assert_equal_states(before, after):
    assert before[1] == after[1]
    assert torch.equal(before[2], after[2])
    assert all(torch.equal(before[0][key], after[0][key]) for key in before[0])


def test_a_run_leaves_no_trace(name):
    model, x = MODELS[name](torch)
    model.train()
    before = everything(model)
    tape = clownviz.run(model, x, keep="full", gradients=True)
    assert_equal_states(before, everything(model))
    assert all(parameter.grad is None for parameter in model.parameters())
    assert tape.error is None and len(tape.calls) > 3


def test_a_captured_training_computes_what_an_uncaptured_one_computes(name):
    model, x = MODELS[name](torch)
    twin = copy.deepcopy(model)
    results = []
    for each, watched in ((model, True), (twin, False)):
        torch.manual_seed(0)
        optimizer = torch.optim.Adam(each.parameters(), lr=0.01)
        with clownviz.capture(each, gradients=True) if watched else torch.enable_grad():
            for _ in range(3):
                optimizer.zero_grad()
                output = each(x)
                output = output[0] if isinstance(output, tuple) else output
                loss = F.dropout(output, 0.5).square().mean()
                loss.backward()
                optimizer.step()
        results.append([loss, *each.state_dict().values(), *(p.grad for p in each.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*results))


def test_updates_and_the_loss_are_on_the_tape():
    model, x = resnet(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    with clownviz.capture(model) as tape:
        for _ in range(2):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x), torch.tensor([0, 1]))
            loss.backward()
            optimizer.step()
    assert [update.number for update in tape.updates] == [1, 2]
    assert tape.updates[0].optimizer == "SGD" and not tape.untrained
    assert tape.steps[-1].scalars["loss"] == pytest.approx(loss.item(), rel=1e-6)
    assert "cross_entropy" in {op.name for op in tape.operations if op.call is None}
    assert not {"addcdiv", "lerp", "_foreach_add"} & {op.name for op in tape.operations}


def test_gradients_are_those_that_backward_computes():
    model, x = transformer(torch)
    tape = clownviz.run(model, x, keep="full", gradients=True, loss=lambda y: y.square().sum())
    model(x).square().sum().backward()
    for info in (p for m in tape.modules.values() for p in m.parameters):
        found = tape.values[info.gradient].array
        assert np.allclose(found, model.get_parameter(info.path).grad.numpy(), atol=1e-6)


def test_a_user_s_own_hooks_stay_and_still_run():
    model, x = resnet(torch)
    seen = []
    model.fc.register_forward_hook(lambda *args: seen.append("mine"))
    clownviz.run(model, x)
    with pytest.raises(ZeroDivisionError), clownviz.capture(model):
        model(x)
        raise ZeroDivisionError
    assert seen == ["mine"] * 2 and len(model.fc._forward_hooks) == 1


def test_captures_may_overlap_and_end_in_any_order():
    model, x = transformer(torch)
    first, second = clownviz.capture(model), clownviz.capture(model)
    tapes = [first.start(), second.start()]
    model(x)
    first.stop()
    with torch.device("cpu"):
        model(x)
        second.stop()
    model(x)
    assert [tape.step_count for tape in tapes] == [1, 2]
    assert torch.overrides._get_current_function_mode() is None


def test_a_copy_or_a_pickle_of_a_watched_model_is_not_watched():
    model, x = recurrent(torch)
    with clownviz.capture(model) as tape:
        copied = copy.deepcopy(model)
        saved = io.BytesIO()
        torch.save(model.state_dict(), saved)
        copied(x)
    assert tape.calls == []


def test_a_model_is_pickled_while_it_is_watched():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    with clownviz.capture(model, gradients=True) as tape:
        model(torch.ones(1, 4)).sum().backward()
        count = len(tape.calls)
        twin = pickle.loads(pickle.dumps(model))
        twin(torch.ones(1, 4)).sum().backward()
        assert len(tape.calls) == count


def test_lazy_modules_are_described_as_the_run_has_made_them():
    model = nn.Sequential(nn.LazyConv2d(3, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(5))
    assert clownviz.summary(model).text()
    with clownviz.capture(model, keep="full", gradients=True) as tape:
        model(torch.ones(2, 1, 4, 4)).sum().backward()
    parameters = [p for info in tape.modules.values() for p in info.parameters]
    assert [p.shape for p in parameters] == [(3, 1, 3, 3), (3,), (3,), (3,), (5, 12), (5,)]
    assert all(tape.values[p.gradient].shape == p.shape for p in parameters)


def test_a_capture_that_another_thread_ends_counts_no_later_operation_twice():
    model, x = nn.Sequential(nn.Linear(4, 4)), torch.ones(2, 4)
    watch = clownviz.capture(model)
    watch.start()
    model(x)
    thread = threading.Thread(target=watch.stop)
    thread.start()
    thread.join()
    model(x)  # here this thread sees that it is over
    assert len(clownviz.run(model, x).operations) == 1
    assert torch.overrides._get_current_function_mode() is None


def test_a_capture_around_one_that_stops_sees_no_failure():
    model = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), nn.Tanh()), nn.Linear(4, 2))
    with clownviz.capture(model) as outer:
        with clownviz.capture(model, until="1.0"):
            model(torch.ones(1, 4))
        model(torch.ones(1, 4))
    paths = ["", "0", "1", "1.0", "", "0", "1", "1.0", "1.1", "2"]
    assert [call.path for call in outer.calls] == paths
    assert [call.error for call in outer.calls] == [None] * 10


def test_a_forward_that_stops_a_part_of_its_own_goes_on():
    class Peeking(nn.Module):
        def __init__(self):
            super().__init__()
            self.part = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
            self.last = nn.Linear(4, 2)

        def forward(self, x):
            with clownviz.capture(self.part, until="0"):
                self.part(x)
            return self.last(x)

    tape = clownviz.run(Peeking(), torch.ones(1, 4))
    assert [call.path for call in tape.calls] == ["", "part", "part.0", "last"]
    assert [call.error for call in tape.calls] == [None] * 4 and tape.calls[3].parent == 0


def test_a_forward_that_raises_gives_the_partial_tape():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(6, 2))
    with pytest.raises(RuntimeError) as caught:
        clownviz.run(model, torch.ones(3, 4))
    tape = caught.value.tape
    assert tape.failed.path == "2" and tape.calls_of("1")[0].error is None
    try:
        raise KeyError("of the caller's")
    except KeyError:
        assert clownviz.run(model[:2], torch.ones(3, 4)).error is None


def test_a_conversion_to_what_a_tensor_is_already_is_no_operation():
    class Normed(nn.Module):
        def forward(self, x):
            return x + 2 * x.to(torch.float32).float().contiguous()

    tape = clownviz.run(Normed(), torch.ones(2, 3))
    assert [operation.name for operation in tape.operations] == ["mul", "add"]


def test_a_model_is_given_its_arguments_by_name_as_it_is_called_elsewhere():
    class Model(nn.Module):
        def forward(self, input_ids, attention_mask=None):
            return F.one_hot(input_ids, 5)

    told = clownviz.summary(Model(), input_ids=torch.arange(4)[None], attention_mask=None).text()
    assert "(1, 4, 5)" in told
    with pytest.raises(TypeError, match=r"takes input_ids, .*; did you mean input_ids\?"):
        clownviz.summary(Model(), input_idz=torch.arange(4)[None])


def test_half_precision_is_looked_at_too():
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU()).to(torch.bfloat16)
    tape = clownviz.run(model, torch.ones(3, 4, dtype=torch.bfloat16), keep="full")
    value = tape.refs(tape.calls[0].outputs)[0]
    assert value.dtype == "bfloat16" and value.bytes == 3 * 8 * 2
    assert value.array.dtype == np.float32 and value.stats.min == 0


class Transformed(nn.Module):
    """Each example by itself: what runs within `vmap` has a shape and no memory."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)

    def forward(self, x):
        return torch.func.vmap(self.layer)(x)


@pytest.mark.parametrize("make", [lambda: nn.Linear(4, 2, device="meta"), Transformed])
def test_tensors_without_numbers_have_shapes_and_no_statistics(make):
    model = make()
    x = torch.randn(3, 4, device="meta" if isinstance(model, nn.Linear) else "cpu")
    tape = clownviz.run(model, x, keep="full", gradients=None)
    (inner,) = [call for call in tape.forward_calls() if call.kind == "Linear"]
    (value,) = tape.refs(inner.outputs)
    assert value.shape[-1] == 2 and value.stats is None and value.array is None
    for verb in (clownviz.summary, clownviz.diagram, clownviz.findings, clownviz.report):
        assert verb(tape).text() and verb(tape).html()


@pytest.mark.parametrize("layout", [torch.jagged, torch.strided])
@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors is in prototype")
def test_nested_tensors_are_told_as_if_they_were_padded(layout):
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    x = torch.nested.nested_tensor([torch.ones(3, 4), torch.zeros(2, 4)], layout=layout)
    expected = model(x).unbind()
    with clownviz.capture(model, keep="full", gradients=True, inside=True) as tape:
        output = model(x)
        sum(each.sum() for each in output.unbind()).backward()
    assert all(map(torch.equal, output.unbind(), expected))
    (value,) = tape.refs(tape.calls[0].outputs)
    assert value.shape == (2, 3, 2) and value.bytes == 40 and value.stats is None
    assert model[0].weight.grad is not None
    assert [call.path for call in tape.forward_calls()] == ["", "0", "1", "2"]
    for verb in (clownviz.summary, clownviz.diagram, clownviz.autograd, clownviz.report):
        assert verb(model, x).text()


def test_of_complex_numbers_their_size_is_told():
    model = nn.Module()
    model.forward = lambda x: torch.fft.fft(x)
    value = clownviz.run(model, torch.tensor([3.0, 0.0])).calls[0].outputs
    tape = clownviz.run(model, torch.tensor([3.0, 0.0]), keep="full")
    assert tape.values[value].dtype == "complex64" and tape.values[value].stats.mean == 3


def test_scripted_and_compiled_models_are_watched():
    model, x = nn.Sequential(nn.Linear(4, 3), nn.ReLU()), torch.ones(2, 4)
    with pytest.warns(DeprecationWarning, match="torch.jit.script"):
        scripted = torch.jit.script(model)
    assert "parameters  15" in clownviz.summary(scripted, x).text()
    compiled = torch.compile(model, backend="eager")
    tape = clownviz.run(compiled, x)
    assert [call.path for call in tape.calls] == ["", "_orig_mod", "_orig_mod.0", "_orig_mod.1"]
    assert len(tape.operations) == 2


def test_two_frameworks_can_be_compared():
    model, x = transformer(torch)
    twin, tokens = transformer(clownpiece)
    twin.load_state_dict(
        {key: clownpiece.from_numpy(value.numpy()) for key, value in model.state_dict().items()}
    )
    tapes = [
        clownviz.run(each, given, keep="full", gradients=True)
        for each, given in ((model, x), (twin, tokens))
    ]
    found = clownviz.compare(*tapes).view.difference
    assert found.same_structure and found.forward is None and found.backward is None


def test_clownviz_does_not_import_pytorch():
    code = "import clownviz, clownpiece as c, sys; clownviz.summary(c.nn.ReLU(), c.ones(1, 2)); "
    told = subprocess.run(
        [sys.executable, "-c", code + "print('torch' in sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "False"


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("options", [{}, {"kdim": 4, "vdim": 4}, {"add_bias_kv": True}], ids=str)
def test_the_weights_of_fused_attention_are_on_the_tape(options, batch_first):
    torch.manual_seed(0)
    model = nn.MultiheadAttention(8, 2, batch_first=batch_first, **options).eval()
    query, key = torch.randn(2, 5, 8), torch.randn(2, 7, options.get("kdim", 8))
    hidden = torch.zeros(2, 7, dtype=torch.bool)
    hidden[1, 4:] = True
    if not batch_first:
        query, key = query.transpose(0, 1), key.transpose(0, 1)
    given = {"key_padding_mask": hidden, "average_attn_weights": False}
    _, weights = model(query, key, key, **given)
    (seen,) = clownviz.run(model, query, key, key, keep="full", **given).attention
    found = decode_weights(seen.array)
    assert found.shape == weights.shape
    assert np.allclose(found, weights.detach().numpy(), atol=0.004)


def test_a_causal_encoder_is_seen_to_be_causal():
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    mask = nn.Transformer.generate_square_subsequent_mask(5)
    with torch.no_grad():
        (seen,) = clownviz.run(layer, torch.randn(1, 5, 8), src_mask=mask, keep="full").attention
    assert ((seen.array[0, 0] == MASKED) == np.triu(np.ones((5, 5), bool), 1)).all()
