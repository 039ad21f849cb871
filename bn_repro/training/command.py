"""Trains and evaluates one network of Ioffe & Szegedy (2015).

usage:
  python -m bn_repro --config=FILE.py[:ARGUMENT] --workdir=DIR [--config.FIELD=VALUE]...

examples:
  python -m bn_repro --config=configs/mnist.py:batch_norm --workdir=runs/batch_norm
  python -m bn_repro --config=configs/mnist.py:baseline --workdir=runs/baseline \\
    --config.dataset.name=digits --config.learning_rate=0.5 --config.seed=3
  python -m bn_repro --config=configs/bn_x30.py:imagenette_160 --workdir=runs/bn_x30
  python -m bn_repro --config=configs/inception.py --describe

flags:
  --config      the network: a file, with its argument after a colon; one of configs/,
                which come with this package, is found from any directory
  --config.X    another value for the field X of that config, listed below
  --workdir     where the run is kept; the same command again resumes the run, or
                says that it is finished; another config is refused there, except
                another train_for, num_devices, partner_timeout or
                dataset.workers, and dataset.on_corrupt=skip in place of stop,
                while the run is not finished
  --init_from   begin with the weights of a published model: its name in
                results/models of a checkout, or the path of a file NAME.safetensors;
                with other classes the logits begin anew. Recorded in the config
  --describe    print the network row by row and leave without training
  --coordinator, --num_processes, --process_id
                when several processes train together and neither srun, mpirun
                nor a TPU pod started them so: address:port of the first, how
                many, and which of them this is, from 0; all with the same --workdir
  --help        this text, with the fields of the config given by --config

In the workdir: config.json and overrides.txt (what is trained), metrics.jsonl
and TensorBoard events (what was measured), checkpoints/ (one folder a step), and,
when the run is finished, summary.json. `tensorboard --logdir` on the folder above
overlays runs. Data sets of TFDS are read from $TFDS_DATA_DIR.

exit codes:
  0    finished; also a run that diverged, which is a result
  2    a mistake in the command or the config, or a damaged workdir: one line says which
  71   the disk, the memory or another process failed; one line says which, and the
       same command resumes once that is repaired
  75   stopped by SIGTERM, Ctrl-C or a terminal that closed, with every step saved,
       or else one line says what it costs; the same command resumes
  130  stopped at once by a second Ctrl-C, or by one before training began or while
       another process did not answer; the same command resumes from the last
       checkpoint
  1    an error of this program, with a traceback
"""

# Imports nothing heavy at the top: a mistake or --help is answered at once.
import contextlib
import sys
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from bn_repro.run import (
  command_line,
  config_files,
  damage,
  devices,
  errors,
  exits,
  lock,
  places,
  processes,
  published,
  summary,
)
from bn_repro.run import config as config_lib
from bn_repro.run.errors import UserError, one_line
from bn_repro.run.fields import hint

FLAGS = flags.FLAGS
KNOWN = command_line.Flags(
  ('config', 'workdir', 'init_from', 'coordinator', 'num_processes', 'process_id'),
  ('describe', 'nodescribe', 'help', 'h'),
)
DEFAULT_CONFIG = 'configs/mnist.py'
MOST_PROCESSES = 100_000

# The flag of the config looks for its overrides here and not in `sys.argv`, where it
# would follow --flagfile before any word is checked.
_words: list[str] = []

config_flags.DEFINE_config_file('config', sys_argv=_words)
flags.DEFINE_string('workdir', None, 'Directory of the run.')
flags.DEFINE_string('init_from', None, 'Published model to begin with.')
flags.DEFINE_bool('describe', False, 'Print the network and leave.')
flags.DEFINE_string('coordinator', None, 'Address:port of the first process.')
flags.DEFINE_integer(
  'num_processes', None, 'How many train together.', 1, MOST_PROCESSES
)
flags.DEFINE_integer('process_id', None, 'Which of them this is.', lower_bound=0)


def main() -> None:
  """Runs the command line; leaves with one of the exit codes of `--help`."""
  exits.exit_after(lambda: run(sys.argv))


def run(arguments: list[str]) -> None:
  """Parses the arguments, then prints help, describes or trains."""
  if command_line.asks_for_help(arguments[1:]):
    return print(help_text(_with_config(arguments)))
  command_line.check(arguments[1:], KNOWN)
  arguments = _with_config(arguments)
  config = parse(arguments)
  if FLAGS.describe:
    devices.start()
    from bn_repro.models.describe import describe

    return print(describe(config))
  if not FLAGS.workdir:
    raise UserError('--workdir is missing; give the directory to keep the run in')
  workdir = places.folder(FLAGS.workdir, '--workdir')
  places.check_variables()
  overrides = overrides_of(arguments)
  if FLAGS.init_from is not None:
    with config.unlocked():
      config.init_from = init_from(FLAGS.init_from, workdir)
    overrides.append(f'--init_from={FLAGS.init_from}')
  start(config, workdir, overrides)


def parse(arguments: list[str]) -> ConfigDict:
  """The checked config of a command line; sets the other flags."""
  (location,) = _locations(arguments)
  default = config_lib.load(location)
  for argument in overrides_of(arguments):
    _check_field(argument, default)
  _words[:] = _with_file(arguments)
  try:
    rest = FLAGS(_words)
  except flags.IllegalFlagValueError as error:
    raise UserError(_wrong_type(error, default)) from error
  except (flags.Error, AttributeError, TypeError, ValueError) as error:
    raise UserError(f'{one_line(error)}; see --help') from error
  if len(rest) > 1:
    raise UserError(f'{rest[1]!r} is not a flag; flags start with --, see --help')
  config_lib.check(FLAGS.config)
  return FLAGS.config


def _with_config(arguments: list[str]) -> list[str]:
  if _locations(arguments):
    return arguments
  return [arguments[0], f'--config={DEFAULT_CONFIG}', *arguments[1:]]


def _with_file(arguments: list[str]) -> list[str]:
  """The arguments with the path of the file in --config, which absl can read."""
  result, words = [], iter(arguments)
  for word in words:
    name, equals, location = word.partition('=')
    if name in ('--config', '-config'):
      path, colon, argument = config_files.split(location if equals else next(words))
      word = f'{name}={config_files.find(path, "--config")}{colon}{argument}'
    result.append(word)
  return result


def _locations(arguments: list[str]) -> list[str]:
  overrides = (argument.partition('=') for argument in overrides_of(arguments))
  return [value for name, _, value in overrides if name.lstrip('-') == 'config']


def overrides_of(arguments: list[str]) -> list[str]:
  """The arguments of the config, as --config.seed=3; separate values are joined."""
  overrides = []
  for argument, following in zip(arguments[1:], [*arguments[2:], '--']):
    name, equals, _ = argument.partition('=')
    if argument.startswith('-') and name.lstrip('-').partition('.')[0] == 'config':
      is_whole = equals or following.startswith('--')
      overrides.append(argument if is_whole else f'{argument}={following}')
  return overrides


def _check_field(argument: str, config: ConfigDict) -> None:
  name = argument.partition('=')[0].lstrip('-')
  field = name.removeprefix('config').removeprefix('.')
  fields = config_lib.flatten(config)
  if field and field not in fields:
    meant = hint(field, fields, fields.get('model.name')) or 'see --help'
    raise UserError(f'the config has no field {field!r}; {meant}')


def _wrong_type(error: flags.IllegalFlagValueError, config: ConfigDict) -> str:
  """The message, such as '--config.seed=x: a whole number is wanted, such as 0'."""
  text = one_line(error).removeprefix('flag ')
  flag = text.partition(':')[0]
  field = flag.partition('=')[0].removeprefix('--config.')
  value = config_lib.flatten(config).get(field)
  kinds = {bool: 'true or false', int: 'a whole number', float: 'a number'}
  if type(value) not in kinds:
    return f'{text}; see --help'
  return f'{flag}: {kinds[type(value)]} is wanted, such as {value}'


def help_text(arguments: list[str]) -> str:
  """The module's text, and every field of the chosen config with its value."""
  location = _locations(arguments)[-1]
  try:
    fields = config_lib.flatten(config_lib.load(location))
  except UserError as error:
    return f'{__doc__}\nfields of {location}: none, for {errors.line(str(error))}'
  if not fields:
    return f'{__doc__}\nfields of {location}: none'
  width = max(map(len, fields))
  rows = '\n'.join(f'  {name:{width}}  {value}' for name, value in fields.items())
  return f'{__doc__}\nfields of {location}, with their values:\n{rows}'


def init_from(model: str, workdir: Path) -> ConfigDict:
  """The model and its digest; of a run that has begun with it, as it was then."""
  if not damage.is_missing(workdir / config_lib.NAME):
    recorded = config_lib.stored(workdir).get('init_from')
    if recorded and recorded.model == model:
      return recorded
  card = published.card_of(published.find(model, '--init_from'))
  return ConfigDict({'model': model, 'sha256': card['weights_sha256']})


def start(config: ConfigDict, workdir: Path, overrides: list[str]) -> None:
  """Trains in the workdir, or says that the run is finished."""
  named = _processes()
  if _is_finished(config, workdir):
    return None
  processes.join(*named, config.partner_timeout)
  devices.start()
  from bn_repro.run import collectives, compilation, settings
  from bn_repro.training import resume
  from bn_repro.training.loop import train

  compilation.keep()
  is_first = collectives.is_first_process()
  # The first process takes it for all of them.
  locked = lock.held(workdir) if is_first else contextlib.nullcontext()
  with settings.fixed(), locked:
    collectives.meet()
    # Once more: another run may have been here while this process had no lock.
    if collectives.any_process(is_first and _is_finished(config, workdir)):
      return None
    if is_first:
      resume.check_begun(config, workdir)
    outcome = train(config, workdir, overrides)
  if outcome:
    print(_outcome(outcome))
    print(f'written: {workdir / summary.NAME}')


def _is_finished(config: ConfigDict, workdir: Path) -> bool:
  """Whether the workdir's run is finished, which it says; refuses another run's."""
  config_lib.check_workdir(config, workdir)
  is_finished = bool(summary.of_finished_run(workdir, config))
  if is_finished:
    print(f'finished before: {workdir / summary.NAME}')
  return is_finished


def _processes() -> tuple[str | None, int | None, int | None]:
  """The flags that name the processes that train together: all three or none."""
  named = FLAGS.coordinator, FLAGS.num_processes, FLAGS.process_id
  if None in named and any(value is not None for value in named):
    raise UserError(
      'processes are named by --coordinator, --num_processes and --process_id together'
    )
  if FLAGS.coordinator is not None:
    command_line.check_address(FLAGS.coordinator)
  if None not in named and FLAGS.process_id >= FLAGS.num_processes:
    raise UserError(
      f'--process_id={FLAGS.process_id} is not from 0 to {FLAGS.num_processes - 1}'
    )
  return named


def _outcome(summary: dict) -> str:
  head = f'{summary["network"]} on {summary["dataset"]}, seed {summary["seed"]}'
  if summary['diverged']:
    first, last = summary['diverged_between_steps']
    return f'{head}: not finite between steps {first} and {last}; stopped'
  return (
    f'{head}: test accuracy {summary["final_test_accuracy"]:.2%} after '
    f'{summary["last_step"]} steps (best {summary["best_test_accuracy"]:.2%} '
    f'at step {summary["best_step"]})'
  )
