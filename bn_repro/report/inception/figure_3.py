"""Figure 3 of the paper, and what its section says of it, in our numbers."""

from bn_repro.report import tables
from bn_repro.report.collect import Run
from bn_repro.report.inception import runs as family
from bn_repro.report.inception.runs import NAMES, PAPER, PLAIN, best

# Below the plain network's maximum, where its curve is not yet flat.
BELOW = (0.0, 0.02, 0.05, 0.1)
TEXT = """\
## Figure 3: steps to the maximum of the plain network

{table}

The target of a seed is the maximum of the plain network with that seed, as 72.2 % was
in the paper.
{unpaired}How often the plain network happens to be evaluated near its maximum
decides how late that maximum is; at lower targets this matters less:

{levels}

![Figure 2](figure2.png)

A diamond is where a network meets the maximum of the plain one, the dotted line; a thin
line is a seed that went on after the others.

{hours}What follows for claims 9 to 13 and 23 is in [claims.md](../claims.md).
"""


def text(networks: dict[str, list[Run]]) -> str:
  """The section of the README, from the runs of each network."""
  return TEXT.format(
    table=table(networks), unpaired=_unpaired(networks), levels=_levels(networks),
    hours=_hours(networks),
  )  # fmt: skip


def table(networks: dict[str, list[Run]]) -> str:
  """Ours, and beneath each row the paper's."""
  head = ('network', 'learning rate', 'seeds', 'steps to the target',
          'times fewer steps', 'maximum accuracy', 'reached at step')  # fmt: skip
  rows = [row for name in networks for row in (_row(networks, name), _paper_row(name))]
  return tables.markdown(head, rows)


def _row(networks, name) -> list[str]:
  runs, plain = networks[name], networks[PLAIN]
  return [
    f'**{NAMES[name]}**', f'{runs[0].config["learning_rate"]:g}', str(len(runs)),
    needed_steps(plain, runs),
    '1' if name == PLAIN else faster(family.speed_up(plain, runs)),
    maximum(runs),
    tables.steps(tables.over(runs, family.best_step)),
  ]  # fmt: skip


def needed_steps(plain: list[Run], runs: list[Run]) -> str:
  """Steps to the target (figure 3), as text.

  Mean and deviation over seeds; of runs that were all stopped before it, how many they
  had taken: 'not in 118,362'.

  Raises:
    UserError: as `speed_up`.
  """
  found = family.speed_up(plain, runs)
  if found.reached or not found.at_most:
    return tables.steps(family.steps_to_target(plain, runs), found.missed)
  paired = [run for _, run in family.pairs(plain, runs)]
  return f'not in {tables.steps(tables.over(paired, lambda r: r.curves["step"][-1]))}'


def maximum(runs: list[Run]) -> str:
  """The mean maximum over seeds; says how many diverged, after it, or never rose."""
  text = tables.percent(tables.over(runs, best))
  failed = {
    'diverged': sum(run.summary['diverged'] for run in runs),
    'at chance': sum(map(family.is_at_chance, runs)),
  }
  remarks = ', '.join(f'{number} {name}' for name, number in failed.items() if number)
  return f'{text} ({remarks})' if remarks else text


def _paper_row(name) -> list[str]:
  steps, maximum = PAPER[name]
  ratio = f'{PAPER[PLAIN][0] / steps:.3g}' if steps else 'never'
  steps = f'{steps:g} million' if steps else 'never'
  return ['in the paper, on ImageNet', '', '', steps, ratio, maximum, '']


def faster(found: family.SpeedUp) -> str:
  """Such as '5.2 (3.1 to 8.7)'; says how many seeds never reached the target.

  Of runs that were stopped before it, a bound: 'at most 2.1'.
  """
  if not found.reached:
    return f'at most {found.at_most:.3g}' if found.at_most else found.missed
  text = tables.interval(found.ratio, '{:.3g}')
  missing = found.seeds - found.reached
  return f'{text}; {missing} of {found.seeds} {found.missed}' if missing else text


def _levels(networks) -> str:
  """Speed-ups at targets below the plain network's maximum."""
  head = ('times fewer steps to', *(_level(below) for below in BELOW))
  rows = (
    [NAMES[name], *(faster(family.speed_up(networks[PLAIN], runs, b)) for b in BELOW)]
    for name, runs in networks.items()
    if name != PLAIN
  )
  return tables.markdown(head, rows)


def _unpaired(networks) -> str:
  """Which runs have no target, as no plain network has their seed; else ''."""
  everything = [run for runs in networks.values() for run in runs]
  paired = {run.name for _, run in family.pairs(networks[PLAIN], everything)}
  names = [run.name for run in everything if run.name not in paired]
  return f'Without a plain network yet: {", ".join(names)}.\n' if names else ''


def _hours(networks) -> str:
  """A warning where the hours of figure 2 are not of one machine; else ''."""
  names: dict[str, list[str]] = {}
  for run in (run for runs in networks.values() for run in runs):
    names.setdefault(run.summary['device'], []).append(run.name)
  if len(names) == 1:
    return ''
  machines = '; '.join(f'{", ".join(of)} on {device}' for device, of in names.items())
  return f'Hours are of different machines, not to be compared: {machines}.\n\n'


def _level(below: float) -> str:
  return 'the maximum' if not below else f'{100 * below:g} points less'
