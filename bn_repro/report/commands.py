"""The commands behind the numbers, as a reader can type them."""

import textwrap


def sweep(path: str, root: str) -> str:
  """Runs a file of configs/, such as 'sweeps/quickstart', into a folder of runs/."""
  return (
    f'python scripts/sweep.py --sweep=configs/{path}.py --root=runs/{root} --jobs=2'
  )


def sweep_file(name: str) -> str:
  """The path of a sweep of section 4.2, from the top of the project."""
  return f'configs/sweeps/inception_{name}.py'


def inception(*names: str) -> str:
  """Runs sweeps of section 4.2's networks, one after the other."""
  each = (sweep(f'sweeps/inception_{name}', f'inception/{name}') for name in names)
  return ' && '.join(each)


def analysis(experiment: str, run: str | None, page: str) -> str:
  """Measures a run under runs/ (None: no network) for a page under results/."""
  of_run = f'--workdir=runs/{run} ' if run else ''
  return (
    f'python -m bn_repro.analysis {experiment} {of_run}--output=results/{page}.json'
  )


def evaluation(runs: list[str], crops: int, page: str) -> str:
  """Evaluates runs under runs/ together."""
  workdirs = ','.join(f'runs/{run}' for run in runs)
  return (
    f'python -m bn_repro.evaluate --crops={crops} --workdir={workdirs} '
    f'--output=results/{page}.json'
  )


def block(*commands: str) -> str:
  """Each on as many lines as it needs, to be pasted into a shell."""
  return '\n'.join(
    ' \\\n  '.join(
      textwrap.wrap(command, 84, break_long_words=False, break_on_hyphens=False)
    )
    for command in commands
  )
