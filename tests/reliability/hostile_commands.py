"""Hostile command lines of every category, chosen by a seed.

Each category is a list of its own; the bad values of fields are so many that only a
sample of them is taken. Does not know how a case is run or judged.
"""

import itertools
import random

from bn_repro.run import config as config_lib
from bn_repro.run import fields
from reliability import (
  hostile_configs,
  hostile_data,
  hostile_words,
  hostile_workdirs,
)
from reliability.hostile_case import SHORT, WORKDIR, Case
from reliability.hostile_values import bad_values
from support import PROJECT

LOCATIONS = (
  'configs/mnist.py:batch_norm', 'configs/mnist.py:baseline', 'configs/bn_x5.py:digits',
  'configs/inception.py:digits', 'configs/ensemble.py:4,digits',
)  # fmt: skip
KINDS = {
  name: field.kind
  for network in fields.NETWORKS
  for name, field in fields.of_network(network).items()
}
# What Python reads in another way than one would guess, but rightly.
ODD_BUT_RIGHT = {
  'seed': {'0x10': 16, '1_000': 1000, ' 7': 7, '٣': 3, '-0': 0, '+5': 5, '007': 7},
  'learning_rate': {'1e-1': 0.1, '.5': 0.5, '5.': 5.0, '١': 1.0, '1_0': 10.0},
  'momentum': {'-0.0': 0.0, '0': 0.0},
  'targets': {'()': [], '0.5': [0.5], '[0.5,0.9]': [0.5, 0.9], '1': [1]},
  'model.hidden_sizes': {'5': [5], '(7,)': [7], '[3, 4]': [3, 4], '6,7': [6, 7]},
  'model.batch_norm': {'True': True, '0': False, 'f': False, 'T': True},
  'train_for': {'  1   step ': '  1   step ', '1e0 steps': '1e0 steps'},
  'population_batches': {'01': 1},
}


def generate(seed: int, number: int) -> list[Case]:
  """So many cases: all that are listed, and bad values of fields of every kind."""
  chance = random.Random(seed)
  listed = [*_listed_quick(), *_slow()]
  of_fields = _of_every_category(_field_cases(), chance)
  return [*listed, *of_fields[: max(number - len(listed), number // 4)]]


def quick_sample(seed: int, number: int) -> list[Case]:
  """So many of those that are answered without JAX, from every category."""
  cases = [case for case in (*_listed_quick(), *_field_cases()) if case.is_quick]
  return _of_every_category(cases, random.Random(seed))[:number]


def _of_every_category(cases: list[Case], chance: random.Random) -> list[Case]:
  """In random order, but so that the categories take turns."""
  categories: dict[str, list[Case]] = {}
  for case in chance.sample(cases, len(cases)):
    categories.setdefault(case.category, []).append(case)
  turns = itertools.zip_longest(*categories.values())
  return [case for turn in turns for case in turn if case]


def _listed_quick() -> list[Case]:
  return [
    *hostile_words.words(),
    *hostile_words.flags_of_others(),
    *hostile_words.processes(),
    *hostile_configs.paths(),
    *hostile_configs.broken_files(),
    *hostile_configs.own_configs(),
    *hostile_workdirs.paths(),
    *hostile_workdirs.contents(),
  ]


def _slow() -> list[Case]:
  return [
    *hostile_data.missing(),
    *hostile_data.damaged(),
    *hostile_workdirs.odd_names(),
    *_odd_but_right(),
  ]


def _field_cases() -> list[Case]:
  """Every bad value of every field of every config."""
  return [
    Case(
      f'field: {KINDS[field].partition(",")[0]}',
      f'{location} {field}={value!r:.60}',
      (f'--config={location}', WORKDIR, f'--config.{field}={value}'),
      # Whether a set of that name is there is seen last.
      is_quick=field != 'dataset.name',
    )
    for location in LOCATIONS
    for field in config_lib.flatten(config_lib.load(str(PROJECT / location)))
    for value in bad_values(field, KINDS[field])
  ]


def _odd_but_right() -> list[Case]:
  """Accepted, with the value that was meant, or refused."""
  return [
    Case(
      'odd but right',
      f'{field}={text!r}',
      (f'--config={LOCATIONS[0]}', WORKDIR, *SHORT, f'--config.{field}={text}'),
      is_mistake=False,
      is_quick=False,
      expected={field: value},
    )
    for field, values in ODD_BUT_RIGHT.items()
    for text, value in values.items()
  ]
