"""How a live view is shown: a still picture that outlives the kernel, then the widget.

A notebook that is opened again has no widgets, and shows no fallback for them. So a view is two
outputs, and the widget hides the picture for as long as it lives.
"""

from __future__ import annotations

import base64
import html
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

    An image survives where inline SVG and styles are stripped: in untrusted notebooks, on GitHub.
    `text` stands in for the view's own text.
    """
    data = base64.b64encode(view.svg().encode()).decode()
    image = (
        f'<img class="clownviz-still" alt="{html.escape(alt, quote=True)}" '
        f'style="max-width:100%" src="data:image/svg+xml;base64,{data}">'
    )
    return {"text/html": image, "text/plain": view.text() if text is None else text}


def show(view: View, widget: Any, alt: str) -> None:
    """Show a view with its widget in a notebook, or its text anywhere else."""
    if not in_kernel():
        print(view.text())
        return
    from IPython.display import display

    display(still(view, alt), raw=True)
    display(bundle_of(widget, alt), raw=True)


def bundle_of(widget: Any, text: str) -> dict[str, Any]:
    """The widget's own MIME bundle; its text is the same on every run."""
    data = dict(widget._repr_mimebundle_()[0])
    data["text/plain"] = text
    return data
