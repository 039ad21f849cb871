"""Figure 3 of the paper, and what its section says of it, in our numbers."""

import math

import numpy as np

from bn_repro.paper import section_4_2_comparison as comparison
from bn_repro.paper.section_4_2_comparison import PROFILE, TARGET, TARGETS
from bn_repro.paper.section_4_2_networks import NAMES, PAPER, PLAIN
from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.tables import rounded

TEXT = """\
## Speed-up (figures 2 and 3; claims 9 to 13 and 23)

{table}

Speed-up: steps of Inception to {target} over those of the network, with 95 % interval
and how many seeds arrive. In the paper the target is 72.2 % on ImageNet. Final
accuracy: mean over the last tenth of each run; the runs differ in length, so it is not
a comparison at equal steps.

![Speed-up](speed_up.png)

![Figure 2](figure2.png)

Bands span the seeds; an arrow marks a run that ended while others went on. {hours}

### At every target

{levels}

![Runtimes to all targets](runtimes.png)

Left: the share of pairs of seed and target, {low} to {high}, that a network has reached
after so many steps (the empirical distribution of runtimes of COCO). Right: the
probability that a new run of a network reaches {target} before a new run of Inception
does that takes f times its steps.

### How steps are read off a curve

Each evaluation is averaged with those within a tenth of its step, the curve is made
monotone, and its crossing of the target is interpolated in log steps. A run that ends
before is censored at its last smoothed step. Log steps are normal around the mean of
their network with one standard deviation for all, {spread}; intervals come from the
profile likelihood. {equality} In 2,000 simulations of known speed-up these intervals
hold it in 95 % (`tests/report/test_speed_up.py`), and the estimator of earlier versions
of this page, first evaluation at the maximum of the plain network's own seed, is too
low by more than a tenth and has intervals more than five times as wide.

The networks were trained with patience, so that they differ in length and a lucky
maximum ends a run early; no comparison here uses a maximum or the end of a run as
target. [protocol.md](protocol.md) says how the next runs are made.
"""


def text(networks: dict[str, list[Run]]) -> str:
  """The section of the README, from the runs of each network."""
  return TEXT.format(
    table=table(networks), target=rounded(TARGET, 0), levels=levels(networks),
    low=rounded(PROFILE[0], 0), high=rounded(PROFILE[-1], 0),
    spread=_spread(networks), equality=_equality(networks), hours=_hours(networks),
  )  # fmt: skip


def table(networks: dict[str, list[Run]]) -> str:
  """Ours beside the paper's; the two accuracies are not comparable."""
  head = ('network', 'learning rate', 'seeds', f'speed-up to {rounded(TARGET, 0)}',
          'in the paper', 'final accuracy')  # fmt: skip
  return tables.markdown(head, (_row(networks, name) for name in networks))


def _row(networks, name) -> list[str]:
  runs = networks[name]
  return [
    NAMES[name], f'{runs[0].config["learning_rate"]:g}', str(len(runs)),
    '1' if name == PLAIN else speed_up(networks, name, TARGET), papers_speed_up(name),
    _final_accuracy(runs),
  ]  # fmt: skip


def speed_up(networks: dict[str, list[Run]], name: str, target: float) -> str:
  """Such as '5.57 (4.51 to 6.90), 2/2', 'at most 2.2, 0/2', or '-' if none arrives."""
  effect = comparison.speed_up_of(networks, name, PLAIN, target)
  if effect is None:
    return '-'
  reached = comparison.number_reached(networks, name, target)
  counts = f'{reached}/{len(networks[name])}'
  if effect.value == 0:
    return f'at most {effect.high:.2g}, {counts}'
  if math.isinf(effect.value):
    return f'at least {effect.low:.2g}, {counts}'
  return f'{effect.text("{:.2f}")}, {counts}'


def papers_speed_up(name: str) -> str:
  """Of figure 3: '14.8', 'never', or '' where the paper has no such network."""
  if name not in PAPER:
    return ''
  steps, _ = PAPER[name]
  return f'{PAPER[PLAIN][0] / steps:.3g}' if steps else 'never'


def _final_accuracy(runs: list[Run]) -> str:
  """Mean and standard deviation over seeds; says how many diverged."""
  text = tables.percent(tables.over(runs, comparison.accuracy_until))
  diverged = sum(run.summary['diverged'] for run in runs)
  return f'{text} ({diverged} diverged)' if diverged else text


def levels(networks: dict[str, list[Run]]) -> str:
  """Speed-ups at all targets, a row for each network."""
  head = ('speed-up to', *(rounded(target, 0) for target in TARGETS))
  rows = (
    [NAMES[name], *(speed_up(networks, name, target) for target in TARGETS)]
    for name in networks
    if name != PLAIN
  )
  return tables.markdown(head, rows)


def _spread(networks) -> str:
  spreads = [comparison.spread_of_steps(networks, target) for target in TARGETS]
  low, high = (f(spread.deviation for spread in spreads) for f in (min, max))
  at_target = comparison.spread_of_steps(networks, TARGET)
  return (
    f'{at_target.deviation:.2f} at {rounded(TARGET, 0)}\n({at_target.freedom} degrees '
    f'of freedom; {low:.2f} to {high:.2f} by target)'
  )


def _equality(networks) -> str:
  p = comparison.equality_of_spreads(networks)
  if np.isnan(p):
    return (
      'That all networks spread alike cannot be tested before two of them have three '
      'seeds.'
    )
  return f'That all networks spread alike has p = {p:.2f} (Brown and Forsythe).'


def _hours(networks) -> str:
  """Of which machine the time of a step is, and which networks lack it."""
  device, costs = comparison.seconds_per_step(networks)
  missing = [NAMES[name] for name in networks if name not in costs]
  without = f'; not measured there: {", ".join(missing)}' if missing else ''
  return f'Hours are steps times the time of a step on one machine, {device}{without}.'
