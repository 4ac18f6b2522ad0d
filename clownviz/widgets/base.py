"""How a live view is shown: a still picture that outlives the kernel, then the widget.

A notebook that is opened again has no widgets, and shows no fallback for them. So a view is two
outputs, and the widget hides the picture for as long as it lives.
"""

from __future__ import annotations

import sys
from typing import Any

from ..views.view import View

__all__ = ["in_kernel", "show", "still"]


def in_kernel() -> bool:
    """Whether output goes to a notebook rather than to a terminal or a file."""
    if "IPython" not in sys.modules:
        return False
    shell = sys.modules["IPython"].get_ipython()
    return shell is not None and hasattr(shell, "kernel")


def still(view: View, alt: str, text: str | None = None) -> dict[str, str]:
    """A MIME bundle without a script: an `<img>` of the view's SVG, and its text.

    `text` stands in for the view's own text.
    """
    image = view.image(alt, kind="clownviz-still")
    return {"text/html": image, "text/plain": view.text() if text is None else text}


def show(view: View, widget: Any, alt: str, text: str) -> None:
    """Show a view with its widget in a notebook, or its text anywhere else.

    `text` is what the notebook keeps: the part of the view's text that is the same on every run.
    """
    if not in_kernel():
        print(view.text())
        return
    from IPython.display import display

    display(still(view, alt, text), raw=True)
    display(bundle_of(widget, alt), raw=True)


def bundle_of(widget: Any, text: str) -> dict[str, Any]:
    """The widget's own MIME bundle; its text is the same on every run."""
    data = dict(widget._repr_mimebundle_()[0])
    data["text/plain"] = text
    return data
