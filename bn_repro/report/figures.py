"""Panels, curves with a band over seeds, and figure files that name their data."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use('Agg')

import matplotlib.pyplot as plt
import numpy as np

from bn_repro.report import seeds
from bn_repro.report.collect import Run


def panels(
  number: int, width: float = 3.8, height: float = 3.6, **options: Any
) -> tuple[Any, np.ndarray]:
  """A figure of panels side by side, each with a grid, and their axes, `[number]`."""
  figure, axes = plt.subplots(
    1, number, figsize=(width * number, height), layout='constrained', squeeze=False,
    **options,
  )  # fmt: skip
  for one in axes[0]:
    one.grid(alpha=0.3)
  return figure, axes[0]


def draw(
  axes: Any, runs: list[Run], column: str | Callable[[Run], np.ndarray],
  per_step: float = 1.0, **style: Any,
) -> None:  # fmt: skip
  """The mean over seeds against steps, and a band that spans them (as in figure 1 a).

  Ends with the shortest run. `column` names a curve, or is a function that gives
  `[evaluations]` of a run; `per_step` is the length of a step on the horizontal axis.
  """
  values_of = column if callable(column) else lambda run: run.curves[column]
  at, values = seeds.aligned([(run.curves['step'], values_of(run)) for run in runs])
  (line,) = axes.plot(at * per_step, values.mean(0), **style)
  band = {'color': line.get_color(), 'alpha': 0.2, 'lw': 0}
  axes.fill_between(at * per_step, values.min(0), values.max(0), **band)


def draw_groups(
  axes: Any, groups: Mapping[Any, list[Run]],
  column: str | Callable[[Run], np.ndarray] = 'test_accuracy',
  style: Callable[[Any], dict[str, Any]] = lambda name: {}, **settings: Any,
) -> None:  # fmt: skip
  """A curve of `draw` for each group, labelled by its name.

  `style` gives that of a curve from the name of its group; `settings` are of the axes.
  """
  for name, group in groups.items():
    draw(axes, group, column, **{'label': name} | style(name))
  axes.set(**{'xlabel': 'training steps'} | settings)


def draw_intervals(
  axes: Any, at: Iterable[float], estimates: Iterable[Sequence[Any]],
  sideways: bool = False, **style: Any,
) -> None:  # fmt: skip
  """Points with bars: an `Effect`, or a value, its low and its high end, at each place.

  Values go up, or, `sideways`, to the right.
  """
  values, low, high = np.reshape([one[:3] for one in estimates], (-1, 3)).T
  errors, style = (values - low, high - values), {'fmt': 'o-', 'capsize': 2} | style
  if sideways:
    axes.errorbar(values, [*at], xerr=errors, **style)
  else:
    axes.errorbar([*at], values, errors, **style)


def save(figure, path: Path, runs: list[Run], *pages: Any, remark: str = '') -> str:
  """Writes a PNG and, beside it, an SVG; both name the numbers they were drawn from.

  The numbers are the curves of `runs`, and the JSON of evaluations or analyses in
  `pages`. The `remark` stands in the lower left corner. Returns the Markdown that shows
  the PNG on a page beside it.
  """
  names = [*([digest(runs)] if runs else []), *map(digest_of_page, pages)]
  figure.text(0.003, 0.004, remark, ha='left', va='bottom', fontsize=7)
  note = {'Description': ', '.join(names)}
  figure.savefig(path, dpi=130, metadata=note)
  # Without a date and random names of its parts, so that equal figures are equal files.
  with plt.rc_context({'svg.fonttype': 'none', 'svg.hashsalt': path.stem}):
    figure.savefig(path.with_suffix('.svg'), metadata=note | {'Date': None})
  plt.close(figure)
  return f'![{path.stem.replace("_", " ").capitalize()}]({path.name})'


def digest_of_page(page: Any) -> str:
  """SHA-256 of a JSON value, to tell whether a figure was drawn from it."""
  text = json.dumps(page, sort_keys=True)
  return f'json sha256:{hashlib.sha256(text.encode()).hexdigest()}'


def digest(runs: list[Run]) -> str:
  """SHA-256 over the curves of some runs, to tell whether a figure is theirs."""
  total = hashlib.sha256()
  for run in runs:
    total.update(run.name.encode())
    for values in run.curves.values():
      total.update(values.tobytes())
  return f'curves sha256:{total.hexdigest()}'
