"""Formulas as one line of text: what an operation's LaTeX says where no LaTeX can be set.

Only what formulas of operations use is understood; a command that is not known stays as its
name, so nothing of a formula is ever lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

__all__ = ["readable_formula"]

_TOKEN = re.compile(r"\\[a-zA-Z]+|\\.|.", re.DOTALL)

_WORDS = {
    "cdot": "·", "odot": "⊙", "oplus": "⊕", "times": "×", "le": "≤", "ge": "≥", "ne": "≠",
    "ll": "≪", "gg": "≫", "in": "∈", "notin": "∉", "forall": "∀", "exists": "∃", "land": "∧",
    "lor": "∨", "lnot": "¬", "infty": "∞", "leftarrow": "←", "sim": "~", "partial": "∂", "sum": "Σ",
    "prod": "Π", "int": "∫", "ldots": "…", "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈",
    "rceil": "⌉", "lVert": "‖", "rVert": "‖", "bmod": "mod", "alpha": "α", "beta": "β",
    "delta": "δ", "epsilon": "ε", "lambda": "λ", "mu": "μ", "pi": "π", "psi": "ψ", "sigma": "σ",
    "tau": "τ", "theta": "θ", "Gamma": "Γ", "Lambda": "Λ", "Phi": "Φ", "quad": "  ",
    "left": "", "right": "",
    ",": " ", ";": " ", "!": "", "|": "‖", "{": "{", "}": "}", "_": "_", "&": "&",
}  # fmt: skip
_APART = {*"≤≥≠≪≫∈∉∧∨←~·⊙⊕=<>", "mod"}
_HIGH = dict(zip("0123456789+-()nipT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁿⁱᵖᵀ"))
_LOW = dict(zip("0123456789+-()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ"))
_CALL = "\0"  # after a function's name: nothing before a parenthesis, else a space
_OPEN, _CLOSE = "\1", "\2"  # around a fraction: parentheses, unless it is the whole

_SCRIPTS = "".join({*_HIGH.values(), *_LOW.values(), "\u0304"})
_TAIL = re.compile(rf"[{re.escape(_SCRIPTS)}]*(\^\w)?")


@lru_cache(maxsize=1024)
def readable_formula(latex: str) -> str:
    r"""LaTeX as a line of text.

    >>> readable_formula(r"\frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} \, w + b")
    '((x - μ) / √(σ² + ε)) w + b'
    >>> readable_formula(r"x_i - \ln \sum_j e^{x_j}"), readable_formula(r"x W^T + b")
    ('xᵢ - ln Σⱼ e^xⱼ', 'x Wᵀ + b')
    """
    text = _group(iter(_TOKEN.findall(latex)), end="").strip()
    if text.startswith(_OPEN) and text.find(_CLOSE) == len(text) - 1:
        text = text[1:-1]
    text = text.replace(_OPEN, "(").replace(_CLOSE, ")")
    text = re.sub(rf"{_CALL}\s*(?=[(\[{re.escape(_SCRIPTS)}])", "", text).replace(_CALL, " ")
    text = re.sub(r"([(\[⌊⌈]) +| +([)\],⌋⌉])|(?<=\+) (?==)", r"\1\2", text)
    return re.sub(r" {2,}", " ", text).strip()


def _group(tokens: Iterator[str], end: str) -> str:
    """Everything up to `end`, as text."""
    parts: list[str] = []
    for token in tokens:
        if token == end:
            break
        parts.append(_piece(token, tokens, parts))
    return "".join(parts)


def _piece(token: str, tokens: Iterator[str], before: list[str]) -> str:
    if token == "{":
        return _group(tokens, "}")
    if token == "^":
        return _raised(_argument(tokens))
    if token == "_":
        return _lowered(_argument(tokens)) + (" " if before and before[-1] in "ΣΠ" else "")
    if token.startswith("\\"):
        return _command(token[1:], tokens)
    return f" {token} " if token in _APART else token


def _command(name: str, tokens: Iterator[str]) -> str:
    if name in ("frac", "tfrac"):
        return f"{_OPEN}{_term(_argument(tokens))} / {_term(_argument(tokens))}{_CLOSE}"
    if name == "sqrt":
        return f"√{_term(_argument(tokens))}"
    if name == "overline":
        return f"mean({_argument(tokens)})"
    if name == "bar":
        return f"{_argument(tokens)}\u0304"
    if name in ("text", "mathrm", "mathrel"):
        return _argument(tokens)
    word = _WORDS.get(name)
    if word is None:
        return name + _CALL
    return f" {word} " if word in _APART else word


def _argument(tokens: Iterator[str]) -> str:
    for token in tokens:
        if token != " ":
            return _piece(token, tokens, []).strip()
    return ""


def _raised(text: str) -> str:
    if text == "'" or all(c in _HIGH for c in text):
        return "".join(_HIGH.get(c, c) for c in text)
    return f"^{_term(text)}"


def _lowered(text: str) -> str:
    if text and all(c in _LOW for c in text):
        return "".join(_LOW[c] for c in text)
    return f"[{text}]"


def _term(text: str) -> str:
    """The text, in parentheses if it would be read otherwise without them."""
    text = text.strip()
    return text if _is_term(text.lstrip("√")) else f"({text})"


def _is_term(text: str) -> bool:
    """Whether it is one name or number, or one pair of brackets, with what hangs on it."""
    if not text or text[0] not in "([|":
        name = re.match(r"[\w.…]*", text)
        assert name is not None
        end = name.end()
    elif text[0] == "|":
        end = text.find("|", 1) + 1
    else:
        end = _end_of_brackets(text)
    return end > 0 and _TAIL.fullmatch(text, end) is not None


def _end_of_brackets(text: str) -> int:
    depth = 0
    for at, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth == 0:
            return at + 1
    return 0
