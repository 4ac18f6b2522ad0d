"""The command line: `clownviz demo`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="clownviz", description="See, question and replay what happens inside a model."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    demo = commands.add_parser(
        "demo", help="train a small network on real images and write a page that shows it"
    )
    demo.add_argument(
        "--page",
        default="clownviz-demo.html",
        metavar="FILE",
        help="where to write the page (default: %(default)s)",
    )
    chosen = parser.parse_args(arguments)
    from .demo import main as run_demo

    run_demo(chosen.page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
