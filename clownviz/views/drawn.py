"""A `graphviz.Digraph` that is a view too: drawn wherever it is, with a deadline."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import graphviz

from .render import LayoutError, LayoutTimeout, run_layout
from .svg import text_as_svg
from .theme import themed
from .view import View

__all__ = ["Drawn"]

SIMPLER_DEADLINE = 3.0
PICTURES = (".svg", ".html", ".json", ".txt")


class Drawn(graphviz.Digraph, View):
    """What all diagrams share.

    If the layout takes too long, the first of `_simpler()` that can be drawn is, and if there is
    nothing to draw with, the picture is the text. Whoever writes the graph ends with
    `as_written()`; what a person has edited after that is not taken apart.
    """

    _written: str | None = None
    _drawn: tuple[str, str] | None = None

    @abstractmethod
    def _title(self) -> str:
        """What a screen reader says."""

    def _simpler(self) -> Iterator[Drawn]:
        """The same with fewer nodes, and then with fewer still."""
        return iter(())

    def as_written(self) -> None:
        """The source as it is now is ours."""
        self._written = self.source

    def svg(self) -> str:
        source = self.source
        if self._drawn is None or self._drawn[0] != source:
            self._drawn = (source, self._draw())
        return self._drawn[1]

    def html(self) -> str:
        """An image that nothing can strip: it is data, not markup of the page."""
        return self.image(self._title(), style="max-width:none")

    def _draw(self) -> str:
        try:
            return themed(run_layout(self.source, "svg", engine=self.engine), self._title())
        except LayoutTimeout:
            return self._draw_simpler()
        except LayoutError:
            return text_as_svg(self.text(), self._title())

    def _draw_simpler(self) -> str:
        for simpler in self._simpler() if self.source == self._written else ():
            try:
                drawn = run_layout(simpler.source, "svg", deadline=SIMPLER_DEADLINE)
            except LayoutError:
                continue
            return themed(drawn, f"{self._title()}, simplified")
        return text_as_svg(self.text(), self._title())

    def pipe(  # type: ignore[override]
        self,
        format: str | None = None,
        renderer: str | None = None,
        formatter: str | None = None,
        neato_no_op: bool | int | None = None,
        quiet: bool = False,
        *,
        engine: str | None = None,
        encoding: str | None = None,
    ) -> bytes | str:
        """The drawing in a format that the Graphviz of this machine writes.

        Raises:
            LayoutError: there is no Graphviz, or it does not write this format.
        """
        format = format or self.format
        drawn = (
            self.svg().encode()
            if format == "svg"
            else run_layout(self.source, format, engine=engine or self.engine)
        )
        return drawn.decode(encoding) if encoding is not None else drawn

    def save(  # type: ignore[override]
        self, filename: Any = None, directory: Any = None, **options: Any
    ) -> Any:
        """Write what the ending of the name says (.svg, .html, .json, .txt), else the source."""
        if filename is not None and Path(filename).suffix.lower() in PICTURES:
            return View.save(self, Path(directory or "") / filename)
        return graphviz.Digraph.save(self, filename, directory=directory, **options)

    def render(  # type: ignore[override]
        self, filename: Any = None, directory: Any = None, *args: Any, **options: Any
    ) -> str:
        """Write the drawing to `<filename>.<format>` and return that path.

        Args:
            filename, directory: where; also the source is saved there.
            options: `format`, `cleanup=True` to delete the source again.
        """
        format = options.pop("format", None) or self.format
        source = Path(graphviz.Digraph.save(self, filename, directory=directory))
        target = source.with_name(f"{source.name}.{format}")
        drawn = self.pipe(format)
        assert isinstance(drawn, bytes)
        target.write_bytes(drawn)
        if options.pop("cleanup", False):
            source.unlink()
        return str(target)

    def _repr_mimebundle_(
        self, include: Any = None, exclude: Any = None, **options: Any
    ) -> dict[str, Any]:
        bundle: dict[str, Any] = {
            "text/html": self.html(),
            "image/svg+xml": self.svg(),
            "text/plain": self.text(),
        }
        # A front end that may choose takes the image, so markup is only given when asked for.
        wanted = {"text/html", "text/plain"} if include is None else set(include)
        return {kind: bundle[kind] for kind in bundle if kind in wanted - set(exclude or ())}
