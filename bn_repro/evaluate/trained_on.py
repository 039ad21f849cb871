"""What networks were trained on and with, compared with their evaluation.

Classes that differ are refused. Every other difference is named in a line and in the
result.
"""

import jax

from bn_repro.data import contents
from bn_repro.data.contents import Contents
from bn_repro.evaluate.network import Network
from bn_repro.run import provenance
from bn_repro.run.errors import UserError, warn
from bn_repro.training import identity


def differences(
  networks: list[Network], dataset: str | None, reads_training_set: bool = False
) -> list[list[str] | None]:
  """For each network what differs from its training, in words; None: not known.

  Prints each in a line. The networks, an ensemble or one alone, are evaluated on a
  `dataset`, if any. `reads_training_set`: whether networks with batch normalization
  also read the sets that they were trained on.
  """
  now = contents.of(dataset) if dataset else None
  for other in networks[1:]:
    _check_members(networks[0], other)
  for network in networks if now else []:
    _check_classes(network, now)
  origin = provenance.origin(jax.local_devices())
  listed = []
  for network in networks:
    differing = None
    if network.record:
      differing = _of_data(network, networks[0], now, reads_training_set)
      differing += _of_starts(network, origin)
    listed.append(differing)
    _warn(network, differing)
  return listed


def _warn(network: Network, differing: list[str] | None) -> None:
  if differing is None:
    warn(
      f'with which data, settings and versions {network.workdir} was trained is not '
      'known'
    )
  elif differing:
    warn(f'not all is as when {network.workdir} was trained: {"; ".join(differing)}')


def data_of(network: Network) -> Contents | None:
  """What it was trained on; without a record, what has that name now."""
  if network.record:
    return network.record['data']
  try:
    return contents.of(network.config.dataset.name)
  except UserError:
    return None


def _check_classes(network: Network, now: Contents) -> None:
  if now['num_classes'] != network.num_classes:
    raise UserError(
      f'{now["name"]} has {now["num_classes"]} classes, but {network.workdir} tells '
      f'{network.num_classes} apart; choose a --dataset with the same classes'
    )
  trained = data_of(network)
  if trained is None or not (other := contents.first_other_class(trained, now)):
    return
  if trained['name'] == now['name']:
    raise UserError(
      f'{now["name"]} was prepared anew since {network.workdir} was trained on it: '
      f'{contents.changes(trained, now)[0]}; put the old set back'
    )
  raise UserError(
    f'{network.workdir} was trained on other classes: {other}; choose a --dataset with '
    'the same classes in the same order'
  )


def _check_members(first: Network, other: Network) -> None:
  of_both = [data_of(network) for network in (first, other)]
  if None not in of_both and contents.first_other_class(*of_both):
    raise UserError(
      f'{first.workdir} and {other.workdir} were trained on other classes: of '
      f'{of_both[0]["name"]}, which was prepared anew in between, '
      f'{contents.changes(*of_both)[0]}; only runs on one data set make an ensemble'
    )


def _of_data(
  network: Network, first: Network, now: Contents | None, reads_training_set: bool
) -> list[str]:
  trained, listed = network.record['data'], []
  name = trained['name']
  if now and now['name'] != name:
    listed += [
      f'the classes of {nameless["name"]} have no names, so whether they are those of '
      f'{other["name"]} is not known'
      for nameless, other in ((now, trained), (trained, now))
      if nameless['classes'] is None
    ]
  is_same = now and now['name'] == name
  if is_same or (reads_training_set and network.batch_stats):
    changes = contents.changes(trained, now if is_same else contents.of(name))
    listed += [f'{name} was prepared anew: {change}' for change in changes]
  if first.record and contents.changes(first.record['data'], trained):
    listed.append(f'{first.workdir} was trained on other contents of {name}')
  return listed


def _of_starts(network: Network, origin: dict) -> list[str]:
  """What differs of any start that steps of the network were taken with."""
  starts = network.record['starts']
  begins = [(step, start) for start in starts for step in start['steps']]
  unknown = min(step for step, _ in begins)
  listed = [f'what decided its first {unknown:,} steps is not known'] if unknown else []
  for number, (step, start) in enumerate(begins):
    # Else its steps were never saved, or taken again by a later start.
    if step < min([*(later for later, _ in begins[number + 1 :]), network.step]):
      listed += identity.differences(start, origin)
  return list(dict.fromkeys(listed))
