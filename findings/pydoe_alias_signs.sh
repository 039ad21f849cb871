#!/usr/bin/env bash
# The alias tables of pydoe and pyDOE3 miss every alias that comes with a minus sign.
#
# Sworn: the two half fractions of a design, with the generators abcd and -abcd, confound the same effects; only the
#   signs differ. So fracfact_aliasing() lists the same sets for both, and says "no aliasing" of full factorials only.
# Seen: two effects count as aliased if their columns are equal bit for bit; a column and its negative count as two
#   free effects. "a b -ab" (4 runs, 3 factors) gets 7 separate effects and a cost of 0, the table of a full design.
#   Of 7 factors in 32 runs, "a b c d e -abcd abde" is said to tie no two interactions of two factors, so to have
#   resolution V, which no 32 runs can have; in the data three pairs of them are tied. Nothing is said.
# Version: pydoe 1.6.0 and pyDOE3 1.6.2 with numpy 2.4.6, 2026-11-30.
#   Source: fracfact_aliasing() in pydoe/factorial/factorial.py and pyDOE3/doe_factorial.py: the columns' bytes are
#   the keys of a dictionary.
# Matters: the fraction with minus signs is a common choice (it can leave out the run with everything switched on). Its
#   interactions are reported as estimated apart, when each estimate is the difference of two effects.
# Instead: take the table of the same generators without their signs.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'pydoe==1.6.0' 'pyDOE3==1.6.2' 'numpy==2.4.6' 'scipy==1.17.1'
"$work/venv/bin/python" -W ignore - <<'PY'
from importlib.metadata import version
from itertools import combinations

import numpy as np
import pydoe
import pyDOE3


def ties(design):
  """Counts the pairs of two-factor interactions whose columns are equal or opposite."""
  pairs = [design[:, a] * design[:, b] for a, b in combinations(range(design.shape[1]), 2)]
  return sum(abs(first @ second) == len(design) for first, second in combinations(pairs, 2))


def table(library, generators):
  """Says how many effects the library keeps apart, its cost, and how many pairs of interactions it and the data tie."""
  design = library.fracfact(generators)
  sets, cost = library.fracfact_aliasing(design)
  matrix = np.zeros((design.shape[1],) * 2)
  matrix[library.alias_vector_indices(design.shape[1])] = cost
  return len(design), len(sets), int(cost.sum()), int(matrix[1, 1]), int(ties(design))


seen = {}
for library in (pydoe, pyDOE3):
  print(library.__name__, version(library.__name__))
  for generators in ('a b ab', 'a b -ab', 'a b c d e abcd abde', 'a b c d e -abcd abde', 'a b c d e -abcd -abde'):
    row = seen[library.__name__, generators] = table(library, generators)
    print(f'  {generators}: {row[0]} runs, {row[1]} effects kept apart, cost {row[2]},', end=' ')
    print(f'pairs of interactions tied: {row[3]} by the table, {row[4]} in the data')

design = pydoe.fracfact('a b c d e -abcd abde')
c, e, f, g = (design[:, column] for column in (2, 4, 5, 6))
response = f * g  # no other effect
print('of a response f*g, the estimates of f*g and c*e:', (response @ (f * g)) / 32, (response @ (c * e)) / 32)
for name in ('pydoe', 'pyDOE3'):
  plus, minus = seen[name, 'a b c d e abcd abde'], seen[name, 'a b c d e -abcd abde']
  if plus[1] != 32 or plus[3] != plus[4] or minus[4] != plus[4]:
    raise SystemExit('changed: the table of the fraction with plus signs is not right to begin with')
  if seen[name, 'a b -ab'][1:3] != (7, 0) or minus[3] == minus[4]:
    raise SystemExit('changed: aliases of opposite sign are found')
print('as stated: 32 runs, but 64 effects that are said to be apart')
PY
