"""The models that lectures and tests share: how they unfold, and what they compute."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from models.gpt import GPTModel, MultiHeadAttention, TransformerBlock
from models.house_price import HousePriceModel
from models.lenet import LeNet
from models.patch_transformer import PatchTransformer
from models.vit import ViT

import clownpiece
from clownpiece import nn
from clownpiece.nn import functional as F


def small_gpt(**changes):
    return GPTModel(**{"vocabulary": 11, "dim": 8, "layers": 2, "heads": 2, "context": 6} | changes)


def kinds(module):
    return [type(child).__name__ for child in module.children()]


def test_a_gpt_unfolds_as_the_course_draws_it():
    model = small_gpt()
    assert kinds(model) == ["Embedding", "PositionalEncoding", "ModuleList", "Linear"]
    assert kinds(model.blocks) == ["TransformerBlock"] * 2
    block = model.blocks[0]
    assert kinds(block) == ["MultiHeadAttention", "LayerNorm", "FeedForward", "LayerNorm"]
    assert kinds(block.attention) == ["Linear", "Linear"]
    assert kinds(block.feed_forward) == ["Linear", "GELU", "Linear"]


def test_a_gpt_prints_with_its_blocks_folded():
    assert repr(small_gpt()).splitlines()[:6] == [
        "GPTModel(",
        "  (embedding): Embedding(11, 8)",
        "  (position): PositionalEncoding(d_model=8, max_len=6, dropout=0.0)",
        "  (blocks): ModuleList(",
        "    (0-1): 2 x TransformerBlock(",
        "      (attention): MultiHeadAttention(",
    ]


def test_the_head_of_a_gpt_is_its_embedding():
    model = small_gpt()
    assert model.head.weight is model.embedding.weight
    names = [name for name, _ in model.named_parameters()]
    assert "embedding.weight" in names
    assert "head.weight" not in names
    twin = copy.deepcopy(model)
    assert twin.head.weight is twin.embedding.weight
    assert twin.head.weight is not model.head.weight
    assert "head.weight" in model.state_dict()


def test_a_gpt_does_not_see_what_comes_later():
    model = small_gpt()
    tokens = clownpiece.randint(0, 11, (3, 6))
    changed = tokens.clone()
    changed[:, 4:] = (changed[:, 4:] + 1) % 11
    first, second = model(tokens), model(changed)
    assert first.shape == (3, 6, 11)
    np.testing.assert_allclose(first[:, :4].detach(), second[:, :4].detach(), atol=1e-6)
    assert not np.allclose(first[:, 4:].detach(), second[:, 4:].detach(), atol=1e-3)


def test_a_gpt_learns_to_count():
    model = small_gpt()
    text = (clownpiece.arange(7) + clownpiece.arange(11).unsqueeze(1)) % 11
    optimizer = clownpiece.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        loss = F.cross_entropy(model(text[:, :6]).flatten(0, 1), text[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss) < 0.1
    said = model.generate(clownpiece.tensor([[3, 4]]), 5, temperature=0.1)
    assert said.tolist() == [[3, 4, 5, 6, 7, 8, 9]]


def test_what_is_generated_repeats_with_its_generator():
    model, start = small_gpt(), clownpiece.zeros(2, 1, dtype=clownpiece.int64)
    said = [
        model.generate(start, 10, generator=clownpiece.Generator().manual_seed(5)).tolist()
        for _ in range(2)
    ]
    assert said[0] == said[1]
    assert np.shape(said[0]) == (2, 11)


def test_the_blocks_of_a_gpt_work_in_a_vit():
    model = ViT(image_size=8, patch_size=2, dim=8, layers=2, heads=2)
    assert [type(block) for block in model.blocks] == [TransformerBlock] * 2
    assert model(clownpiece.randn(3, 1, 8, 8)).shape == (3, 10)
    assert not model.blocks[0].attention.causal


def test_our_attention_is_that_of_the_packed_module():
    ours = MultiHeadAttention(8, 2, causal=False)
    packed = nn.MultiheadAttention(8, 2, batch_first=True)
    packed.load_state_dict(
        {
            "in_proj_weight": ours.qkv.weight,
            "in_proj_bias": ours.qkv.bias,
            "out_proj.weight": ours.output.weight,
            "out_proj.bias": ours.output.bias,
        }
    )
    x = clownpiece.randn(2, 5, 8)
    np.testing.assert_allclose(ours(x).detach(), packed(x, x, x)[0].detach(), atol=1e-6)


@pytest.mark.parametrize("size", [8, 28])
def test_lenet_takes_digits_and_clothes(size):
    assert LeNet(image_size=size)(clownpiece.zeros(2, 1, size, size)).shape == (2, 10)


def test_the_courses_classifier_has_724_numbers():
    for heads in (1, 2):
        model = PatchTransformer(heads=heads)
        assert sum(parameter.numel() for parameter in model.parameters()) == 724
        assert model(clownpiece.zeros(3, 1, 28, 28)).shape == (3, 10)


def test_patches_are_squares_of_the_image():
    image = clownpiece.arange(28.0 * 28).reshape(1, 28, 28)
    patches = PatchTransformer.patches(image)
    assert patches.shape == (1, 49, 16)
    assert patches[0, 8].reshape(4, 4).tolist() == image[0, 4:8, 4:8].tolist()


def test_the_courses_regression_has_its_layers():
    model = HousePriceModel()
    assert kinds(model.layers) == [
        *("Linear", "LayerNorm", "Tanh", "Linear", "BatchNorm1d", "LeakyReLU", "Linear")
    ]
    assert model(clownpiece.randn(4, 5)).shape == (4, 1)


@pytest.mark.parametrize(
    "model, x",
    [
        (small_gpt(), clownpiece.zeros(2, 5, dtype=clownpiece.int64)),
        (LeNet(image_size=8), clownpiece.zeros(2, 1, 8, 8)),
        (ViT(image_size=8), clownpiece.zeros(2, 1, 8, 8)),
        (PatchTransformer(), clownpiece.zeros(2, 1, 28, 28)),
        (HousePriceModel(), clownpiece.zeros(2, 5)),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_parameter_gets_a_gradient(model, x):
    x = clownpiece.randn(*x.shape) if x.is_floating_point() else x
    (model(x) ** 2).sum().backward()
    assert [name for name, p in model.named_parameters() if p.grad is None] == []
