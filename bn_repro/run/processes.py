"""Start, failure and shutdown of a multi-process run.

`launch` finds out how many processes there are, `partners` whether they are alive,
`watch` acts on signals for a blocked main thread. If another process is gone or frozen,
JAX aborts this one within a bounded time, with a dump; here the abort becomes one line
and an exit code.
"""

import ctypes
import importlib.util
import math
import os
import signal
import sys
import time

from bn_repro.run import errors, partners, watch
from bn_repro.run.errors import MachineError, UserError, one_line
from bn_repro.run.launch import FLAGS, Launch, Machine, detect, tpu_count

SECONDS_TO_MEET = 300
SECONDS_TO_LEAVE = 5  # after a failure, before the others are no longer waited for
_GONE = (
  'error: another process of this run is gone, or JAX gave this one up '
  '(TF_CPP_MIN_LOG_LEVEL=0 says more); start all again, and they resume'
)
_handlers = []  # C keeps no reference to them
_limit = 0.0  # seconds after which a silent process counts as gone


def join(
  coordinator: str | None,
  num_processes: int | None,
  process_id: int | None,
  limit: float,
) -> None:
  """Joins the processes of a run, before JAX is used otherwise.

  Without flags they are found by the variables of a launcher. One that is silent for
  `limit` seconds counts as gone: then the others end with the code of `MachineError`.
  """
  global _limit
  _limit = limit
  launch = _launch(coordinator, num_processes, process_id)
  if launch.method is None:
    return
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4')  # no dump of an abort
  import jax

  # It would take SIGTERM from us, and Orbax feeds it step numbers of its own.
  jax.config.update('jax_enable_preemption_service', False)
  _instead_of_abort(UserError.exit_code, errors.line(f'error: {_not_met(launch)}'))
  print(errors.line(_waiting(launch)), file=sys.stderr, flush=True)
  try:
    jax.distributed.initialize(
      coordinator, launch.count, process_id,
      cluster_detection_method=launch.method,
      heartbeat_timeout_seconds=math.ceil(limit),
      initialization_timeout=SECONDS_TO_MEET,
    )  # fmt: skip
  except (RuntimeError, ValueError, LookupError, OSError) as error:
    raise UserError(_not_met(launch, f': {one_line(error)}')) from error
  _instead_of_abort(MachineError.exit_code, _GONE)
  partners.start()


def _launch(
  coordinator: str | None, num_processes: int | None, process_id: int | None
) -> Launch:
  if coordinator is None:
    launch = detect(os.environ, _machine())
    if launch.note:
      print(errors.line(f'note: {launch.note}'), file=sys.stderr)
    return launch
  flags = (
    f'--coordinator={coordinator} --num_processes={num_processes} '
    f'--process_id={process_id}'
  )
  try:
    launch = detect(os.environ, _machine())
  except UserError:
    launch = Launch()
  # JAX reads from such a launcher which devices each process has.
  is_known = launch.method in ('slurm', 'ompi') and launch.count == num_processes
  return Launch(launch.method if is_known else 'deactivate', num_processes, flags)


def _machine() -> Machine:
  is_tpu = False
  if tpu_count(os.environ) > 1:
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4')
    from jax._src import cloud_tpu_init  # there is no public name

    is_tpu = cloud_tpu_init.running_in_cloud_tpu_vm
  has_mpi4py = importlib.util.find_spec('mpi4py') is not None
  return Machine(os.getpid(), is_tpu, has_mpi4py)


def _waiting(launch: Launch) -> str:
  others = f'{launch.count - 1} other{"s" if launch.count > 2 else ""}'
  return (
    f'waiting for {others} ({launch.variables}), {_minutes()} at most; Ctrl-C ends it'
  )


def _not_met(launch: Launch, reason: str = '') -> str:
  if launch.variables.startswith('--'):
    remedy = 'the same --coordinator and --num_processes, a --process_id each'
  else:
    remedy = f'the same launcher, or give each {FLAGS}'
  return (
    f'the {launch.count} processes did not meet ({launch.variables}{reason}); start '
    f'all of them within {_minutes()}, by {remedy}'
  )


def _minutes() -> str:
  return f'{SECONDS_TO_MEET / 60:.3g} minutes'


def _instead_of_abort(code: int, line: str = '') -> None:
  """Lets an abort of this process print one line and exit with a code."""

  @ctypes.CFUNCTYPE(None, ctypes.c_int)
  def handler(_):
    if line:
      errors.tell(line)
    os._exit(code)

  _handlers.append(handler)
  # By C, as Python's own handlers run in the main thread, which may be blocked.
  ctypes.CDLL(None).signal(signal.SIGABRT, handler)


def _is_joined() -> bool:
  return 'jax' in sys.modules and sys.modules['jax'].distributed.is_initialized()


def await_verdict() -> None:
  """After an error of JAX: waits long enough for JAX to abort if a process is gone."""
  if _is_joined():
    time.sleep(math.ceil(_limit) + 2)


def leave(code: int) -> None:
  """Shuts down together with the others; after a failure waits only some seconds."""
  if not _is_joined():
    return
  if code:
    sys.stdout.flush()
    sys.stderr.flush()
    _instead_of_abort(code)
    watch.leave_within(SECONDS_TO_LEAVE, code)
  sys.modules['jax'].distributed.shutdown()
