"""Short runs that end where their first step would begin."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from absl import flags

from bn_repro.run import config as config_lib
from bn_repro.run.errors import MachineError, Preempted, UserError
from bn_repro.training import command, loop
from bn_repro.training.resume import Progress
from data.prepared import Stored, examples, photograph, prepare
from support import PROJECT

SHORT = {
  'dataset.name': 'digits', 'train_for': '4 steps', 'log_every': '2 steps',
  'evaluate_every': '4 steps', 'checkpoint_every': '2 steps', 'num_devices': 1,
  'population_batches': 1, 'steps_per_call': 1,
}  # fmt: skip
STREAM = {
  'dataset.name': 'made', 'dataset.num_classes': 100, 'dataset.size': 16,
  'dataset.workers': 0, 'dataset.feed': 'stream', 'model.width': 0.0625,
  'model.normalization_group': 0, 'batch_size': 8, 'evaluation_batch_size': 8,
}  # fmt: skip


class Runs:
  """A workdir and what is asked for in it, as of one command line after the other."""

  def __init__(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    self.folder, self.workdir = tmp_path, tmp_path / 'run'
    self.monkeypatch = monkeypatch
    monkeypatch.setenv('TFDS_DATA_DIR', str(tmp_path / 'data'))
    (tmp_path / 'data').mkdir()
    monkeypatch.setattr(loop.Trainer, 'train', _begin)
    if not flags.FLAGS.is_parsed():
      flags.FLAGS.mark_as_parsed()

  def config(self, network: str = 'mnist.py:batch_norm', **overrides):
    """A checked config, with `__` for the dots of its fields."""
    fields = {name.replace('__', '.'): value for name, value in overrides.items()}
    location = str(PROJECT / 'configs' / network)
    config = config_lib.load(location, SHORT | fields)
    config_lib.check(config)
    return config

  def streamed(self, **overrides):
    """Of a network that reads photographs."""
    fields = {name.replace('.', '__'): value for name, value in STREAM.items()}
    return self.config('bn_x5.py:digits', **fields | overrides)

  def begins(self, config, workdir: Path | None = None, step: int = 0) -> None:
    """The command is accepted, up to its first step after `step`."""
    with pytest.raises(Preempted):
      self._start(config, workdir, step)

  def _start(self, config, workdir: Path | None, step: int = 0) -> None:
    """A deep network is not built, which takes long."""
    with self.monkeypatch.context() as patched:
      if config.model.name != 'mlp':
        reached = Progress(SimpleNamespace(step=step), [], None)
        patched.setattr(loop, 'start_or_resume', lambda *_: reached)
        patched.setattr(loop, 'Trainer', _begin)
      command.start(config, workdir or self.workdir, [])

  def refused(self, config, words: str, workdir: Path | None = None) -> str:
    """The command is refused with these words."""
    return refused(lambda: self._start(config, workdir), words)

  def reaches(self, step: int, config) -> None:
    """Lets the run have a checkpoint of its first state, said to be of a step."""
    with self.monkeypatch.context() as patched:
      patched.setattr(loop.Trainer, 'train', _save(step))
      self.begins(config)

  def prepare(self, number: int = 20, bad: tuple[int, ...] = (), height: int = 24):
    """A data set of photographs, some of which are cut short, one of that height."""
    stored = [Stored(photograph(i, 24, 24), i) for i in range(number)]
    stored[0] = Stored(photograph(0, height, 24), 0)
    for i in bad:
      stored[i] = Stored(stored[i].data[:200], stored[i].label)
    prepare(self.folder / 'data', 'made', stored, examples(10))

  def stored(self, field: str):
    """A field of the workdir's config.json."""
    config = json.loads((self.workdir / 'config.json').read_text())
    return config_lib.flatten(config)[field]


def refused(action, words: str) -> str:
  """What is said, in one line."""
  with pytest.raises((UserError, MachineError)) as caught:
    action()
  said = str(caught.value)
  assert words in said and '\n' not in said
  return said


def _begin(*_) -> None:
  raise Preempted('begun')


def _save(step: int):
  def save(trainer) -> None:
    state = trainer._progress.state
    state = state.replace(step=state.step + step)
    trainer._progress = trainer._progress._replace(state=state)
    trainer._save()
    raise Preempted('saved')

  return save


__all__ = ['Runs', 'Stored', 'photograph', 'refused']
