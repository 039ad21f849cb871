"""The numbers of a probe in words, and where they depart from the paper.

The thresholds were written before the probes were run. Imports no JAX.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

AGREES = 1e-4  # relative error of y and of gradients in float32
AS_STATED = 0.01  # relative: epsilon at two variances, weights, factors of a variance
CARRIED = 1e-5  # absolute difference of outputs
# Of mean to deviation, up to which float32 should keep the variance to 1 %. Inputs are
# rounded before they are judged, and two passes reach 1e6, the largest that is probed.
KEEPS_VARIANCE = 1e3
HALF = 0.01  # relative error of moments of 16-bit inputs, mean 10 and deviation 1
OVERFLOW = {'float32': 18, 'bfloat16': 18, 'float16': 4}  # powers of ten of a deviation

Result = dict[str, Any]


class Cell(NamedTuple):
  """The words of a cell; `departs` from the paper is None where that says nothing."""

  text: str
  departs: bool | None = None

  def __str__(self) -> str:
    return f'**{self.text}**' if self.departs else self.text


def refused(result: Result) -> Cell | None:
  """The cell of a probe that raised, or of what is not offered; else None."""
  if 'not_offered' in result:
    return Cell('not offered')
  if isinstance(result.get('error'), str):  # a number is a difference
    return Cell(result['error'].split(':')[0].strip())
  return None


def number(value: Any) -> float:
  """A number of the JSON, in which NaN and infinities are words."""
  return float('nan' if value is None else value)


def _worst(result: Result, names: tuple[str, ...]) -> float:
  values = [
    number(value)
    for shape in result.values()
    for name, value in shape.items()
    if name.split('_')[-1] in names and not isinstance(value, dict)
  ]
  if any(value != value for value in values):
    return float('inf')
  return max(values, default=float('nan'))


def _error(error: float) -> Cell:
  return Cell(f'{error:.0e}', not error <= AGREES)


def forward(result: Result) -> Cell:
  """Algorithm 1, of the first and of a later mini-batch."""
  refusals = filter(None, map(refused, result.values()))
  return next(refusals, None) or _error(_worst(result, ('y',)))


def gradients(result: Result) -> Cell:
  """The six gradients of section 3."""
  for shape in result.values():
    if cell := refused(shape) or refused(shape.get('gradients', {})):
      return cell
  return _error(_worst(result, ('dx', 'dgamma', 'dbeta')))


def epsilon(result: Result) -> Cell:
  """Its value, and whether it stands in the root: then two variances give the same."""
  first, second = (number(value) for value in result['epsilon'].values())
  if abs(second / first - 1) <= 0.2:  # float32 keeps two digits of it
    return Cell(f'{first:.0e}')
  return Cell(f'not in the root ({first:.0e}, {second:.0e})', True)


def running_variance(result: Result) -> Cell:
  """Algorithm 2, line 10: times m / (m - 1)."""
  (mean, var), m = result['batches'][0], result['m']
  start, one = (result['steps'][step] for step in ('0', '1'))
  weight = (number(one[0]) - number(start[0])) / (mean - number(start[0]))
  if not weight:
    return Cell('not after one step')
  held = (number(one[1]) - (1 - weight) * number(start[1])) / weight / var
  if abs(held - m / (m - 1)) <= AS_STATED:
    return Cell('unbiased', False)
  if abs(held - 1) <= AS_STATED:
    return Cell('biased', True)
  return Cell(f'{number(one[1]):.4g} for {var}', True)


def decay(result: Result) -> Cell:
  """The weight of the old value by default, and whether the start is debiased."""
  (first, _), (second, _) = result['batches']
  zero, one, two = (number(result['steps'][step][0]) for step in ('0', '1', '2'))
  weights = [(one - zero) / (first - zero), (two - one) / (second - one)]
  if abs(weights[0] - weights[1]) <= AS_STATED * weights[0]:
    return Cell(f'{1 - weights[0]:.4g}')
  if abs(weights[0] - 1) <= AS_STATED:
    if weights[1] > 0.4:
      return Cell(f'{1 / weights[1] - 1:.4g}, debiased')
    return Cell(f'{1 - weights[1]:.4g}, from the first')
  return Cell(f'weights {weights[0]:.3g}, {weights[1]:.3g}')


def start(result: Result) -> Cell:
  """What is stored before the first step."""
  return Cell(', '.join(f'{number(value):.3g}' for value in result['steps']['0']))


def conv_m(result: Result) -> Cell:
  """m' = batch x height x width (section 3.2)."""
  m, held = result['conv_m'], number(result['conv_var'])
  if abs(held - m / (m - 1)) <= 1e-3:
    return Cell("m' / (m' - 1)", False)
  return Cell('biased' if abs(held - 1) <= 1e-3 else f'times {held:.4g}', True)


def moves_in(result: Result) -> Cell:
  """Which calls move the statistics."""
  calls = [name for name in ('inference', 'forward', 'backward') if result[name]]
  return Cell(' and '.join(calls) or 'none', result['inference'])


def forgotten(result: Result) -> Cell:
  """Whether an update can be dropped silently."""
  answer = result['forgotten']
  if isinstance(answer, dict):
    return refused(answer)
  return Cell(answer, None if 'cannot' in answer else 'stay' in answer)


def one_value(result: Result) -> Cell:
  """m > 1 is needed in training (section 3.1)."""
  single = result['1']
  if cell := refused(single):
    return Cell(cell.text, False)
  y, var = number(single['y'][0]), number(single['var'])
  return Cell(f'y {y:.3g}, variance {var:.3g}', True)


def spread_of_nan(result: Result) -> Cell:
  """Which features one NaN spreads to, and whether inference has it afterwards."""
  hit = [number(share) > 0 for share in result['y_by_feature']]
  after = any(number(share) > 0 for share in result['inference'])
  features = 'its feature' if sum(hit) == 1 else f'{sum(hit)} of {len(hit)} features'
  return Cell(f'{features}{", stored" if after else ", not stored"}')


def masked(result: Result) -> Cell:
  """The error of the moments of what counts."""
  return _error(number(result['error']))


def empty_mask(result: Result) -> Cell:
  """Nothing counts: nothing should be stored."""
  stored = [number(value) for value in result['stored']]
  share = number(result['y_nan'])
  kept = 'kept' if stored == [0, 1] else f'stores {stored[0]:.3g}, {stored[1]:.3g}'
  if any(value != value for value in stored):
    kept = 'NaN stored'
  text = 'NaN' if share else 'finite'
  return Cell(f'{text}, {kept}', bool(share) or kept != 'kept')


def affine(result: Result) -> Cell:
  """One fixed affine map, whatever the batch-mates (section 3.1)."""
  error, bits = number(result['error']), result['to_the_bit']
  sizes = [size for size, same in bits.items() if same is False]
  text = 'to the bit' if not sizes else f'differs in batches of {", ".join(sizes)}'
  return Cell(f'{error:.0e}, {text}', not error <= AGREES or bool(sizes))


def each_activation(result: Result) -> Cell:
  """The error of y where each activation is normalized by itself (section 4.2.3)."""
  error = result['error_of_y']
  return refused(error) if isinstance(error, dict) else _error(number(error))


def constants(result: Result) -> Cell:
  """x of variance 0 has y = beta."""
  texts, departs = [], False
  for mode, shares in result.items():
    if cell := refused(shares):
      texts.append(f'{mode}: {cell.text}')
      continue
    nan, off = number(shares['nan']), number(shares['off'])
    departs |= nan + off > 0
    far = f' by up to {number(shares["largest"]):.2g}' if off else ''
    texts.append(f'{100 * nan:.0f} % NaN, {100 * off:.0f} % off{far}')
  return Cell(' / '.join(dict.fromkeys(texts)), departs)


def ratio(result: Result) -> Cell:
  """Up to which mean over deviation the variance is right: the least over shapes."""
  texts, smallest = [], float('inf')
  for mode, shapes in result.items():
    values = [number(one['ratio']) for one in shapes.values() if 'ratio' in one]
    if not values:
      texts.append(f'{mode}: {refused(next(iter(shapes.values()))).text}')
      continue
    smallest = min(smallest, *values)
    texts.append(f'{min(values):.3g}')
  return Cell(' / '.join(dict.fromkeys(texts)), smallest < KEEPS_VARIANCE)


def half(result: Result) -> Cell:
  """The dtypes of y and of what is stored, and the worst error of the moments."""
  names = result['dtypes']
  worst = max(number(result[f'{n}_10']) for n in ('mean', 'var'))
  y, stored = (_dtype(names[name]) for name in ('y', 'var'))
  return Cell(f'y {y}, stored {stored}, error {worst:.0e}', not worst <= HALF)


def _dtype(name: str) -> str:
  """NumPy's name of what others call "<dtype: 'float16'>" (TensorFlow) or float."""
  name = name.removeprefix("<dtype: '").removesuffix("'>")
  return 'float32' if name == 'float' else name


def _of_each_dtype(result: Result, cell: Callable[[str, Result], Cell]) -> Cell:
  cells = {dtype: refused(one) or cell(dtype, one) for dtype, one in result.items()}
  texts = (f'{dtype}: {one.text}' for dtype, one in cells.items())
  departs = any(one.departs for one in cells.values())
  return Cell(', '.join(texts) or 'not offered', departs)


def stored_in_half(result: Result) -> Cell:
  """Inference of 1000 with a stored mean of 1000.3: -0.3, whatever the dtype of x."""

  def cell(_: str, answer: Result) -> Cell:
    y = number(answer['inferred'])
    return Cell(f'{y:.2g}', not abs(y + 0.3) <= 0.05)

  return _of_each_dtype(result, cell)


def overflow(result: Result) -> Cell:
  """The largest power of ten of a deviation that is still normalized."""

  def cell(dtype: str, answer: Result) -> Cell:
    exponent = answer['exponent']
    if exponent is None:
      return Cell('none', True)
    return Cell(f'1e{exponent}', exponent < OVERFLOW[dtype])

  return _of_each_dtype(result, cell)


def over_devices(result: Result) -> Cell:
  """The worst error of y and gradients over devices.

  Stored moments are no part of it: a library that debiases them stores others.
  """
  others = ('collectives', 'mean', 'var')
  errors = [number(v) for name, v in result.items() if name not in others]
  if any(error != error for error in errors):
    return Cell('NaN', True)
  return Cell(f'{max(errors):.0e}', max(errors) > AGREES)


def collectives(result: Result) -> Cell:
  """How many calls of a collective, forward + backward."""
  counts = result['collectives']
  return Cell(' + '.join(map(str, counts)) if counts else 'not counted')


def stored_accuracy(result: Result) -> Cell:
  """Of section 4.1's network after its last step, with the statistics it stored."""
  return _share([*result['stored'].values()][-1])


def accuracy_of_algorithm_2(result: Result) -> Cell:
  """The same with population statistics."""
  return _share(result['algorithm_2'])


def _share(value: Any) -> Cell:
  return Cell(f'{100 * number(value):.2f} %')
