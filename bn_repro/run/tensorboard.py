"""TensorBoard events of a run, by the main thread: a full disk raises at once."""

import logging
import time
from pathlib import Path
from typing import Any

import numpy as np
from tensorboardX import summary
from tensorboardX.event_file_writer import EventsWriter
from tensorboardX.proto.event_pb2 import Event, SessionLog
from tensorboardX.record_writer import RecordWriter

from bn_repro.run import files

HPARAMS = '.hparams'
# Of the files that hold a whole run. A change of what is written needs another form.
_WHOLE, _FORM = 'events.out.tfevents.published', 1

# It warns of a loss that is not finite, which a run reports itself.
logging.getLogger('tensorboardX').setLevel(logging.ERROR)


class Events:
  """One file of events; TensorBoard overlays it with those before it."""

  def __init__(self, directory: Path, first_step: int):
    """From `first_step` on, the events of earlier files no longer count."""
    self._writer = EventsWriter(str(directory / 'events'), f'.from_{first_step}')
    start = SessionLog(status=SessionLog.START)
    self._write(Event(step=first_step, session_log=start))

  def _write(self, event: Event) -> None:
    event.wall_time = time.time()
    self._writer.write_event(event)

  def scalars(self, step: int, values: dict[str, float]) -> None:
    """Adds one point to the curve of each tag."""
    for tag, value in values.items():
      self._write(Event(step=step, summary=summary.scalar(tag, value)))

  def histogram(self, step: int, tag: str, values: np.ndarray) -> None:
    """Adds the distribution of the finite values."""
    finite = values[np.isfinite(values)]
    if finite.size:
      of_values = summary.histogram(tag, finite, bins='auto')
      self._write(Event(step=step, summary=of_values))

  def chart(self, category: str, title: str, tags: tuple[str, ...]) -> None:
    """Shows the curves of several tags in one chart (tab Custom Scalars)."""
    layout = {category: {title: ['Multiline', list(tags)]}}
    self._write(Event(summary=summary.custom_scalars(layout)))

  def flush(self) -> None:
    """Writes all events to the disk."""
    self._writer.flush()

  def close(self) -> None:
    """Nothing can be written after it."""
    self._writer.close()


def write_hparams(
  directory: Path, step: int, config: dict[str, Any], numbers: dict[str, float]
) -> None:
  """Adds a row for a run to TensorBoard's HParams tab, or replaces its row."""
  for earlier in directory.glob(f'events.*{HPARAMS}'):
    earlier.unlink()
  writer = EventsWriter(str(directory / 'events'), HPARAMS)
  for part in _hparams(config, numbers):
    writer.write_event(Event(step=step, wall_time=time.time(), summary=part))
  writer.close()


def _hparams(config: dict[str, Any], numbers: dict[str, float]) -> list[Any]:
  values = {
    name: value if isinstance(value, (bool, int, float, str)) else str(value)
    for name, value in config.items()
  }
  parts = [*summary.hparams(values, numbers)]
  return parts + [summary.scalar(tag, value) for tag, value in numbers.items()]


def write_whole(
  directory: Path,
  curves: dict[str, dict[int, float]],
  last_step: int,
  config: dict[str, Any],
  numbers: dict[str, float],
) -> bool:
  """Gives a directory the curves of a finished run and its row of HParams, at once.

  The name of the file has a digest of its content, and events have no times. A file of
  that name is kept, and False is returned; one with another digest is replaced.
  `curves` are by tag and step, `config` is flat, `numbers` are as in `write_hparams`.
  The directory is made if it is missing.
  """
  digest = files.digest([_FORM, curves, last_step, config, numbers])
  path = directory / f'{_WHOLE}.{digest[:16]}'
  if path.exists():
    return False
  directory.mkdir(parents=True, exist_ok=True)
  # TensorBoard reads any file whose name has 'tfevents', half written or not.
  partial = directory / 'partial'
  partial.unlink(missing_ok=True)
  writer = RecordWriter(str(partial))
  events = [Event(file_version='brain.Event:2')]
  events += [
    Event(step=step, summary=summary.scalar(tag, value))
    for tag, points in curves.items()
    for step, value in points.items()
  ]
  events += [Event(step=last_step, summary=p) for p in _hparams(config, numbers)]
  for event in events:
    writer.write(event.SerializeToString())
  writer.flush()  # to the disk
  writer.close()
  for earlier in directory.glob(f'{_WHOLE}.*'):
    earlier.unlink()
  partial.replace(path)
  return True
