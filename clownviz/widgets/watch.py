"""`watch`: a recorder, its live dashboard and its still, as the one object that a loop talks to."""

from __future__ import annotations

from typing import Any

from ..recording.training import Recorder, Training
from ..views.dashboard import Dashboard
from ..views.view import View
from .base import bundle_of, in_kernel, still
from .dashboard import DashboardWidget

__all__ = ["Watch"]


class Watch(View):
    """Follows a model while an optimizer trains it.

    It is shown by itself at the first step, or earlier where it is the value of a cell; ended,
    paused and asked at any time. As a context manager it is closed at the end. Watching the same
    model and optimizer again replaces the first watch, so a cell may be run again.

    Args:
        model: a Module.
        optimizer: the optimizer that trains it.
        every: measure norms at every so many steps (the loss is kept whenever it is logged).
        budget: most bytes of memory for the norms.

    Raises:
        TypeError, ValueError: these two do not belong together, see `Recorder`.
    """

    def __init__(
        self, model: Any, optimizer: Any, *, every: int = 1, budget: int = 64 * 2**20
    ) -> None:
        self.recorder = Recorder(model, optimizer, every=every, budget=budget)
        self.widget: DashboardWidget | None = None
        self._stills: list[Any] = []
        self._title = Dashboard(self.training).title
        if in_kernel():
            # Shown by the first step, in the cell that trains, unless it was shown before.
            self.recorder.on_step = self.show

    # ------------------------------------------------------------------ what the loop says

    def log(self, **scalars: Any) -> None:
        """Record numbers at the current step: ``watch.log(loss=loss, accuracy=0.93)``."""
        self.recorder.log(**scalars)

    def __call__(self, loss: Any) -> Any:
        """Record `loss` and return it: ``watch(criterion(model(x), y)).backward()``."""
        return self.recorder(loss)

    def pause(self) -> None:
        """Let the loop wait at its next step, until `resume` or a click."""
        self.recorder.gate.pause()

    def resume(self) -> None:
        """Let a paused loop go on."""
        self.recorder.gate.resume()

    def close(self) -> None:
        """Stop watching; what was recorded stays."""
        self.recorder.close()

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # ------------------------------------------------------------------ what was recorded

    @property
    def training(self) -> Training:
        """What was recorded until now."""
        return self.recorder.snapshot()

    def text(self) -> str:
        return Dashboard(self.training).text()

    def svg(self) -> str:
        return Dashboard(self.training).svg()

    def html(self) -> str:
        return Dashboard(self.training).html()

    def json(self) -> dict[str, Any]:
        return Dashboard(self.training).json()

    def figure(self, theme: str = "light") -> Any:
        """The losses as a matplotlib figure."""
        return Dashboard(self.training).figure(theme)

    # ------------------------------------------------------------------ what is seen

    def show(self) -> None:
        """Show the dashboard here: a still picture, and the live widget that hides it.

        The still is drawn again when the cell ends, so it is what a reader sees without a kernel.
        Its text is only the title, since numbers of a training run differ between machines;
        `text` has them.
        """
        if not in_kernel():
            print(self.text())
            return
        from IPython.display import display

        if self.widget is None:
            self.widget = DashboardWidget(self.recorder, self._title)
            self.widget.on_finish = self._redraw
        self._stills.append(display(self._picture(), raw=True, display_id=True))
        display(bundle_of(self.widget, self._title), raw=True)

    def _redraw(self) -> None:
        picture = self._picture()
        for shown in self._stills:
            shown.update(picture, raw=True)

    def _picture(self) -> dict[str, str]:
        return still(self, self._title, text=self._title)

    def _ipython_display_(self) -> None:
        self.show()
