"""The identity of a data set: its classes, and numbers and hashes of its examples.

A data set of the same name may have been prepared again, from other images or with its
classes in another order. Imports no JAX.
"""

import hashlib
import json
from typing import Any

from bn_repro.data import digests, sources

Contents = dict[str, Any]


def of(name: str) -> Contents:
  """The contents of both halves of a data set, as JSON.

  `classes` are their names in the order of the labels, or None if they have none;
  `splits` has the number of examples and a SHA-256 of the contents of each half.

  Raises:
    UserError: the data set is not there or damaged.
    MachineError: a file of it cannot be read.
  """
  if name == sources.DIGITS:
    return _of_digits()
  stored = sources.stored(name)
  used = (sources.TRAIN, next((s for s in sources.HELD_OUT if s in stored.files), ''))
  splits = [split for split in used if split in stored.files]
  paths = [path for split in splits for path in stored.files[split]]
  by_file = dict(zip(paths, digests.of_files(paths, name)))
  return {
    'name': name,
    'classes': stored.classes and list(stored.classes),
    'num_classes': stored.num_classes,
    'splits': {
      split: {
        'examples': stored.examples[split],
        'sha256': _digest([by_file[path] for path in stored.files[split]]),
      }
      for split in splits
    },
  }


def _of_digits() -> Contents:
  digits = sources.digits()
  arrays = lambda half: [hashlib.sha256(a.tobytes()).hexdigest() for a in half]
  return {
    'name': sources.DIGITS,
    'classes': [str(digit) for digit in range(digits.num_classes)],
    'num_classes': digits.num_classes,
    'splits': {
      split: {'examples': len(half.labels), 'sha256': _digest(arrays(half))}
      for split, half in zip((sources.TRAIN, 'test'), digits[:2])
    },
  }


def _digest(value: Any) -> str:
  return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def fingerprint(contents: Contents) -> str:
  """A SHA-256 of contents."""
  return _digest(contents)


def first_other_class(one: Contents, other: Contents) -> str | None:
  """The first difference between classes; None where there is none.

  Such as "class 0 is 'cat' in a and 'bird' in b". A data set without names of classes
  agrees with all names.
  """
  if one['num_classes'] != other['num_classes']:
    numbers = (f'{c["num_classes"]} classes in {c["name"]}' for c in (one, other))
    return 'there are {} and {}'.format(*numbers)
  for number, names in enumerate(zip(one['classes'] or (), other['classes'] or ())):
    if names[0] != names[1]:
      return (
        f'class {number} is {names[0]!r} in {one["name"]} and {names[1]!r} in '
        f'{other["name"]}'
      )
  return None


def changes(before: Contents, now: Contents) -> list[str]:
  """What differs in a data set that was prepared again; empty if nothing does.

  Such as "class 0 was 'cat' and is 'bird'" or "split train has other contents (9,469
  examples, 9,470 before)".
  """
  listed = []
  if before['num_classes'] != now['num_classes']:
    listed.append(f'{now["num_classes"]} classes, {before["num_classes"]} before')
  pairs = list(zip(before['classes'] or (), now['classes'] or ()))
  others = [number for number, (old, new) in enumerate(pairs) if old != new]
  if others:
    old, new = pairs[others[0]]
    listed.append(f'class {others[0]} was {old!r} and is {new!r}')
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
