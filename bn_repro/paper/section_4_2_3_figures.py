"""The figures of results/ensemble: members, calibration, and where the crops lie."""

from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.patches import Rectangle

from bn_repro.data import views
from bn_repro.report.figures import panels, plt, save

COLOURS = {1: 'tab:orange', 144: 'tab:blue'}
# Height and width of the images whose crops are drawn.
SHAPES = {'landscape': (300, 450), 'portrait': (450, 300), 'square': (300, 300)}


def members(by_crops: dict[int, dict[str, Any]], path: Path) -> None:
  """Top-1 accuracy against the number of members: mean, and range over choices."""
  figure, (axes,) = panels(1, 6, 4)
  for crops, page in by_crops.items():
    rows = page['by_number_of_members']
    numbers = [row['members'] for row in rows]
    mean, low, high = (
      [100 * row[name] for row in rows] for name in ('top_1', 'lowest', 'highest')
    )
    style = {'color': COLOURS[crops]}
    axes.plot(numbers, mean, 'o-', label=f'{crops} crop{"s" * (crops > 1)}', **style)
    axes.fill_between(numbers, low, high, alpha=0.2, lw=0, **style)
  axes.set(xlabel='members', ylabel='top-1 accuracy, %', xticks=numbers)
  title = 'mean and range over all choices of members, one run each; not an interval'
  axes.set_title(title, fontsize=9)
  axes.legend()
  save(figure, path, [], by_crops)


def reliability(predictions: dict[str, list[dict[str, Any]]], path: Path) -> None:
  """Accuracy against confidence, in bins, and the share of predictions in each.

  A panel for each entry; the scores of several networks are added up.
  """
  figure, grid = plt.subplots(
    2, len(predictions), figsize=(12, 4.6), sharex=True, sharey='row', squeeze=False,
    height_ratios=(3, 1), layout='constrained',
  )  # fmt: skip
  for (above, below), (name, scores) in zip(grid.T, predictions.items()):
    counts, confidence, accuracy = _together([score['bins'] for score in scores])
    above.plot((0, 1), (0, 1), ':', color='grey')
    above.plot(confidence, accuracy, 'o-', ms=4)
    above.set(title=name, xlim=(0, 1), ylim=(0, 1))
    above.grid(alpha=0.3)
    edges = np.linspace(0, 1, len(counts) + 1)
    below.stairs(counts / counts.sum(), edges, fill=True)
    below.set(xlabel='confidence')
  grid[0, 0].set_ylabel('accuracy')
  grid[1, 0].set_ylabel('share')
  save(figure, path, [], predictions)


def _together(bins: list[dict]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
  """Counts, mean confidence and accuracy of bins, NaN where a bin is empty."""
  counts, confidence, accuracy = (
    np.asarray([one[name] for one in bins], float)
    for name in ('examples', 'confidence', 'accuracy')
  )
  total = counts.sum(axis=0)
  with np.errstate(invalid='ignore'):
    return total, *((counts * v).sum(axis=0) / total for v in (confidence, accuracy))


def crops(path: Path) -> None:
  """The 72 boxes of three shapes of images, one column for each size."""
  figure, grid = plt.subplots(
    len(SHAPES), len(views.SHORTER_SIDES), figsize=(10, 8), layout='constrained'
  )
  for row, (name, (height, width)) in zip(grid, SHAPES.items()):
    counted = views.distinct(height, width, views.CROP)
    for axes, shorter in zip(row, views.SHORTER_SIDES):
      _draw_boxes(axes, [v for v in counted if min(v.height, v.width) == shorter])
      axes.set_title(f'shorter side {shorter}', fontsize=9)
    row[0].set_ylabel(f'{name}: {2 * len(counted)} differ')
  figure.suptitle('Blue: crops of 224 pixels; orange: squares that are resized to 224')
  save(figure, path, [], SHAPES)


def _draw_boxes(axes, shown: list[views.View]) -> None:
  """Boxes of one size of an image; whole squares are resized once more."""
  height, width = shown[0].height, shown[0].width
  axes.add_patch(Rectangle((0, 0), width, height, fc='0.92', ec='black'))
  for view in shown:
    is_whole = view.side != views.CROP
    style = {'ec': 'tab:orange', 'lw': 2} if is_whole else {'ec': 'tab:blue'}
    at = (view.left, view.top)
    axes.add_patch(Rectangle(at, view.side, view.side, fill=False, alpha=0.8, **style))
  axes.set(xlim=(-10, 540), ylim=(540, -10), aspect='equal', xticks=[], yticks=[])
