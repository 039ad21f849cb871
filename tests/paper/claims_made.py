"""Evidence that was made up, on either side of the margin of a claim."""

import numpy as np
from paper.inception_made import run_of

from bn_repro.paper import claims as claims_lib
from bn_repro.paper import ledger
from bn_repro.paper.ledger import Missing


class Made:
  """Evidence that was made up."""

  def __init__(self, **found):
    self._found = found
    self.files = []

  def runs(self, folder, name, at_least=1):
    if len(self._get(name)) < at_least:
      raise Missing(name)
    return self._get(name)

  def page(self, folder, name):
    return self._get(name)

  def _get(self, name):
    if not (found := self._found.get(name)):
      raise Missing(name)
    return found


CLAIMS = {claim.key: claim for claim in ledger.read_claims()}


def measured(key, made):
  """What is measured for a claim, by a whole stage of the protocol if there is one."""
  return claims_lib.measure_of(claims_lib.decided(CLAIMS[key], made))(made)


def verdict(key, made):
  """The verdict on a claim."""
  return ledger.verdict(claims_lib.decided(CLAIMS[key], made), measured(key, made))


def run(name, accuracies, seed=0, curves=None, **options):
  """With these test accuracies in percent, evaluated every 100 steps."""
  made = run_of(name, *accuracies, seed=seed, **options)
  made.curves.update(curves or {})
  return made


def seeds(name, *of_seeds, **columns):
  """A run for each list of accuracies."""
  return [
    run(name, accuracies, seed, {c: np.asarray(v, float) for c, v in columns.items()})
    for seed, accuracies in enumerate(of_seeds)
  ]


def of_seed(run, seed):
  """The run as if it had another seed."""
  config = run.config | {'seed': seed}
  name = run.name.replace('_seed0', f'_seed{seed}')
  return run._replace(name=name, summary=run.summary | {'config': config})
