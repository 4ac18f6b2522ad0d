"""Tables of numbers in text files."""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ...dtypes import as_dtype, get_default_dtype
from ...tensor import Tensor, wrap
from .dataset import Dataset

__all__ = ["CSVDataset"]


class CSVDataset(Dataset):
    """The rows of a CSV file as pairs of features and targets.

    Args:
        path: a text file in UTF-8 whose first row names the columns.
        target: the column, or columns, to predict; the last one by default. A name gives targets
            without dimensions, a list of names a row of them, None no targets at all: samples
            are then the features alone.
        features: the columns to predict from; by default all that are not targets.
        dtype: of both; floats by default.
        delimiter: what separates the columns.
        transform: called with each sample's features.

    Attributes:
        x, y: all features `(N, F)`, and all targets or None.
        feature_names, target_names: the columns.

    Raises:
        ValueError: a row of another length, a cell that is no number, an empty table: the message
            says which line and column.
        KeyError: there is no such column.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        target: str | Sequence[str] | None = "",
        features: Sequence[str] | None = None,
        *,
        dtype: Any = None,
        delimiter: str = ",",
        transform: Callable[[Tensor], Any] | None = None,
    ) -> None:
        names, table = _read(path, delimiter, as_dtype(dtype or get_default_dtype()).numpy)
        wanted = [names[-1]] if target == "" else [target] if isinstance(target, str) else target
        self.target_names = list(wanted or ())
        self.feature_names = (
            [name for name in names if name not in self.target_names]
            if features is None
            else list(features)
        )
        for name in (*self.target_names, *self.feature_names):
            if name not in names:
                raise KeyError(f"{path} has no column {name!r}; it has {', '.join(names)}")
        self.transform = transform
        self.x = wrap(table[:, [names.index(name) for name in self.feature_names]])
        chosen = table[:, [names.index(name) for name in self.target_names]]
        by_name = wrap(chosen[:, 0].copy() if isinstance(target, str) else chosen)
        self.y = None if target is None else by_name

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> Any:
        x: Any = wrap(self.x.array[index])
        if self.transform is not None:
            x = self.transform(x)
        return x if self.y is None else (x, wrap(np.asarray(self.y.array[index])))


def _read(
    path: str | os.PathLike[str], delimiter: str, dtype: np.dtype
) -> tuple[list[str], np.ndarray]:
    with open(path, newline="", encoding="utf-8-sig") as file:
        rows = csv.reader(file, delimiter=delimiter)
        try:
            names = [name.strip() for name in next(rows, [])]
            table = [_numbers(row, names, path, rows.line_num) for row in rows if row]
        except (UnicodeDecodeError, csv.Error) as error:
            raise ValueError(
                f"{path}, after line {rows.line_num}: this is no table in UTF-8 ({error})"
            ) from error
    if not table:
        raise ValueError(f"{path} has no rows below its {len(names)} column names")
    return names, np.array(table, dtype)


def _numbers(
    row: list[str], names: list[str], path: str | os.PathLike[str], line: int
) -> list[float]:
    if len(row) != len(names):
        raise ValueError(
            f"{path}, line {line}: {len(row)} cells, but the first line names {len(names)} columns"
        )
    numbers = []
    for name, cell in zip(names, row):
        try:
            numbers.append(float(cell))
        except ValueError:
            raise ValueError(
                f"{path}, line {line}, column {name!r}: {cell!r} is not a number; encode "
                "categories as numbers first, and fill in what is missing"
            ) from None
    return numbers
