"""The identity of a data set: its classes, and numbers and hashes of its examples.

A data set of the same name may have been prepared again, from other images or with its
classes in another order. Imports no JAX.
"""

import hashlib
from typing import Any

from bn_repro.data import digests, sources
from bn_repro.run.files import digest

Contents = dict[str, Any]


def of(name: str) -> Contents:
  """The contents of both halves of a data set, as JSON.

  `classes` are their names in the order of the labels, or None if they have none;
  `splits` has the number of examples and a SHA-256 of the contents of each half.
  Raises UserError where the data set is not there or damaged.
  """
  return {'name': name} | (
    _of_digits() if name == sources.DIGITS else _of_prepared(name)
  )


def _of_digits() -> Contents:
  digits = sources.digits()
  halves = {sources.TRAIN: digits.train, 'test': digits.test}
  hashes = lambda half: [hashlib.sha256(a.tobytes()).hexdigest() for a in half]
  return {
    'classes': [str(digit) for digit in range(digits.num_classes)],
    'num_classes': digits.num_classes,
    'splits': {s: _half(len(h.labels), hashes(h)) for s, h in halves.items()},
  }


def _of_prepared(name: str) -> Contents:
  stored = sources.stored(name)
  paths = [path for _, files in stored.splits.values() for path in files]
  hashes = dict(zip(paths, digests.of_files(paths, name)))
  return {
    'classes': stored.classes,
    'num_classes': stored.num_classes,
    'splits': {
      split: _half(number, [hashes[path] for path in files])
      for split, (number, files) in stored.splits.items()
    },
  }


def _half(examples: int, hashes: list[str]) -> dict[str, Any]:
  return {'examples': examples, 'sha256': digest(hashes)}


def first_other_class(one: Contents, other: Contents) -> str | None:
  """The first difference between classes; None where there is none.

  Such as "class 0 is 'cat' in a and 'bird' in b". A data set without names of classes
  agrees with all names.
  """
  if one['num_classes'] != other['num_classes']:
    numbers = (f'{c["num_classes"]} classes in {c["name"]}' for c in (one, other))
    return 'there are {} and {}'.format(*numbers)
  if differing := _first_class(one, other):
    number, name, other_name = differing
    return (
      f'class {number} is {name!r} in {one["name"]} and {other_name!r} in '
      f'{other["name"]}'
    )
  return None


def _first_class(one: Contents, other: Contents) -> tuple[int, str, str] | None:
  """The first that differs, and its name in each; None where names are not known."""
  pairs = zip(one['classes'] or (), other['classes'] or ())
  return next(((n, a, b) for n, (a, b) in enumerate(pairs) if a != b), None)


def changes(before: Contents, now: Contents) -> list[str]:
  """What differs in a data set that was prepared again; empty if nothing does.

  Such as "class 0 was 'cat' and is 'bird'" or "split train has other contents (9,469
  examples, 9,470 before)".
  """
  listed = []
  if before['num_classes'] != now['num_classes']:
    listed.append(f'{now["num_classes"]} classes, {before["num_classes"]} before')
  if differing := _first_class(before, now):
    listed.append('class {} was {!r} and is {!r}'.format(*differing))
  elif (before['classes'] is None) != (now['classes'] is None):
    listed.append(f'its classes have {"names" if now["classes"] else "no names"} now')
  for split in sorted(before['splits'].keys() | now['splits'].keys()):
    listed += _change_of_split(split, before['splits'], now['splits'])
  return listed


def _change_of_split(split: str, before: dict, now: dict) -> list[str]:
  if split not in before or split not in now:
    return [f'split {split} is {"new" if split in now else "gone"}']
  if before[split] == now[split]:
    return []
  new, old = (splits[split]['examples'] for splits in (now, before))
  return [f'split {split} has other contents ({new:,} examples, {old:,} before)']
