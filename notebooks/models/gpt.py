"""A small GPT: the model that the course unfolds, part by part.

    GPTModel
    ├── Embedding                 token numbers into vectors
    ├── PositionalEncoding        where in the text a token stands
    ├── ModuleList
    │   └── TransformerBlock      once a layer
    │       ├── MultiHeadAttention
    │       │   ├── Linear        Q, K and V
    │       │   └── Linear        output
    │       ├── LayerNorm
    │       ├── FeedForward
    │       │   ├── Linear
    │       │   ├── GELU
    │       │   └── Linear
    │       └── LayerNorm
    └── Linear                    the language-model head

Radford et al., *Improving language understanding by generative pre-training*, 2018.
"""

from __future__ import annotations

import math

import clownpiece
from clownpiece import Tensor, nn
from clownpiece.nn import functional as F


class MultiHeadAttention(nn.Module):
    """Each position looks at the others: softmax(q kᵀ / √d) v in every head.

    Args:
        dim: E, the size of a position.
        heads: H heads of E/H features each.
        causal: whether a position sees only those before it and itself.

    Shape: (N, T, E) → (N, T, E).
    """

    def __init__(self, dim: int, heads: int, causal: bool = True) -> None:
        super().__init__()
        self.heads = heads
        self.causal = causal
        self.qkv = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (self.split(part) for part in self.qkv(x).chunk(3, dim=-1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.causal)
        return self.output(mixed.transpose(1, 2).flatten(2))

    def split(self, x: Tensor) -> Tensor:
        """The heads as a dimension of their own: (N, T, E) → (N, H, T, E/H)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def extra_repr(self) -> str:
        return f"heads={self.heads}, causal={self.causal}"


class FeedForward(nn.Module):
    """What each position does for itself: widen, bend, narrow."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.expand = nn.Linear(dim, hidden)
        self.activation = nn.GELU()
        self.contract = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        return self.contract(self.activation(self.expand(x)))


class TransformerBlock(nn.Module):
    """Attention, then a feed-forward network, each added to its input and normalized."""

    def __init__(self, dim: int, heads: int, hidden: int, causal: bool = True) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(dim, heads, causal)
        self.norm1 = nn.LayerNorm(dim)
        self.feed_forward = FeedForward(dim, hidden)
        self.norm2 = nn.LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm1(x + self.attention(x))
        return self.norm2(x + self.feed_forward(x))


class GPTModel(nn.Module):
    """Predicts each next token of a text from those before it.

    Args:
        vocabulary: how many tokens there are.
        dim: the size of a position.
        layers: how many blocks.
        heads: attention heads of a block.
        context: the longest text it can read.

    Shape: (N, T) of token numbers → (N, T, vocabulary) of scores.

    The head shares the embedding's weight: what a token looks like going in is what the
    prediction is compared with going out.
    """

    def __init__(
        self, vocabulary: int, dim: int = 64, layers: int = 4, heads: int = 4, context: int = 128
    ) -> None:
        super().__init__()
        self.dim = dim
        self.context = context
        self.embedding = nn.Embedding(vocabulary, dim)
        self.position = nn.PositionalEncoding(dim, max_len=context)
        self.blocks = nn.ModuleList(
            [TransformerBlock(dim, heads, hidden=4 * dim) for _ in range(layers)]
        )
        self.head = nn.Linear(dim, vocabulary, bias=False)
        self.head.weight = self.embedding.weight
        nn.init.normal_(self.embedding.weight, std=1 / math.sqrt(dim))

    def forward(self, tokens: Tensor) -> Tensor:
        # The rows have length 1, as the head wants them; times √dim they match the positions.
        x = self.position(self.embedding(tokens) * math.sqrt(self.dim))
        for block in self.blocks:
            x = block(x)
        return self.head(x)

    @clownpiece.no_grad()
    def generate(
        self,
        tokens: Tensor,
        count: int,
        temperature: float = 1.0,
        generator: clownpiece.Generator | None = None,
    ) -> Tensor:
        """Continue texts (N, T) by `count` tokens, each drawn from the prediction."""
        for _ in range(count):
            scores = self(tokens[:, -self.context :])[:, -1] / temperature
            drawn = clownpiece.multinomial(F.softmax(scores, dim=-1), 1, generator=generator)
            tokens = clownpiece.cat([tokens, drawn], dim=1)
        return tokens
