"""Start, failure and shutdown of a multi-process run.

JAX knows within a bounded time that another process is gone or frozen, whatever
this one is doing, and then aborts it with a dump of its own. Here that abort becomes
one line and an exit code. Imports JAX late: its C++ part reads once, from the
environment, what it may print. Does not know what the processes compute.
"""

import ctypes
import importlib.util
import math
import os
import signal
import sys
import threading
import time

from bn_repro.run import errors, partners
from bn_repro.run.errors import MachineError, UserError, one_line
from bn_repro.run.launch import FLAGS, Launch, Machine, detect, tpu_count

SECONDS_TO_MEET = 300
SECONDS_TO_LEAVE = 5  # for one that failed, before it stops waiting for the others
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

  Says on stderr that it waits, or that it is alone where variables speak of several.

  Args:
    coordinator: address:port of the first process. None: what the variables of a
      launcher say (`launch.detect`); a process that they do not concern stays alone.
    num_processes: how many there are.
    process_id: which of them this is, from 0.
    limit: seconds after which a silent process counts as gone; this one then ends
      with one line and the code of `MachineError`.

  Raises:
    UserError: the flags or the launcher's variables make no sense to JAX.
  """
  global _limit
  _limit = limit
  by_flags = coordinator is not None
  named = coordinator, num_processes, process_id
  launch = _by_flags(*named) if by_flags else _by_environment()
  if launch.method is None:
    return
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4')  # no dump of an abort
  import jax

  # It would take SIGTERM from us, and Orbax feeds it step numbers of its own.
  jax.config.update('jax_enable_preemption_service', False)
  _instead_of_abort(UserError.exit_code, errors.line(_not_met(launch)))
  print(errors.line(_waiting(launch)), file=sys.stderr, flush=True)
  try:
    jax.distributed.initialize(
      coordinator, launch.count, process_id,
      cluster_detection_method=launch.method,
      heartbeat_timeout_seconds=math.ceil(limit),
      initialization_timeout=SECONDS_TO_MEET,
    )  # fmt: skip
  except (RuntimeError, ValueError, LookupError, OSError) as error:
    text = _not_met(launch, one_line(error)).removeprefix('error: ')
    raise UserError(text) from error
  _instead_of_abort(MachineError.exit_code, _GONE)
  partners.start()


def _by_environment() -> Launch:
  """Of a process that no flags name; says so if it is alone against appearances."""
  launch = detect(os.environ, _machine())
  if launch.note:
    print(errors.line(f'note: {launch.note}'), file=sys.stderr)
  return launch


def _by_flags(coordinator: str, num_processes: int, process_id: int) -> Launch:
  """Of processes that are named by flags.

  Where a launcher started as many, JAX still asks it which device is whose.
  """
  said = (
    f'--coordinator={coordinator} --num_processes={num_processes} '
    f'--process_id={process_id}'
  )
  try:
    launch = detect(os.environ, _machine())
  except UserError:
    launch = Launch()
  is_known = launch.method in ('slurm', 'ompi') and launch.count == num_processes
  return Launch(launch.method if is_known else 'deactivate', num_processes, said)


def _machine() -> Machine:
  """What JAX finds here; it is asked only where there are variables of a TPU pod."""
  is_tpu = False
  if tpu_count(os.environ) > 1:
    os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4')
    from jax._src import cloud_tpu_init  # nothing public says it

    is_tpu = cloud_tpu_init.running_in_cloud_tpu_vm
  has_mpi4py = importlib.util.find_spec('mpi4py') is not None
  return Machine(os.getpid(), is_tpu, has_mpi4py)


def _waiting(launch: Launch) -> str:
  others = f'{launch.count - 1} other{"s" if launch.count > 2 else ""}'
  return (
    f'waiting for {others} ({launch.variables}), {_minutes()} at most; Ctrl-C ends it'
  )


def _not_met(launch: Launch, reason: str = '') -> str:
  """What went wrong, by which names the others were looked for, and what to do."""
  if launch.variables.startswith('--'):
    remedy = 'the same --coordinator and --num_processes, a --process_id each'
  else:
    remedy = f'the same launcher, or give each {FLAGS}'
  return (
    f'error: the {launch.count} processes did not meet ({launch.variables}'
    f'{": " + reason if reason else ""}); start all of them within {_minutes()}, by '
    f'{remedy}'
  )


def _minutes() -> str:
  return f'{SECONDS_TO_MEET / 60:.3g} minutes'


def _instead_of_abort(code: int, line: str = '') -> None:
  """What this process says, and the code it leaves with, where it would abort."""
  text = f'\n{line}\n'.encode() if line else b''

  @ctypes.CFUNCTYPE(None, ctypes.c_int)
  def handler(_):
    os.write(2, text)
    os._exit(code)

  _handlers.append(handler)
  # By C, as Python's own handlers run in the main thread, which may be blocked.
  ctypes.CDLL(None).signal(signal.SIGABRT, handler)


def _is_joined() -> bool:
  return 'jax' in sys.modules and sys.modules['jax'].distributed.is_initialized()


def await_verdict() -> None:
  """After an error of JAX: does not return if another process's end is its cause."""
  if _is_joined():
    time.sleep(math.ceil(_limit) + 2)


def leave(code: int) -> None:
  """Ends together with the others; after some seconds if this one has failed."""
  if not _is_joined():
    return
  if code:
    sys.stdout.flush()
    sys.stderr.flush()
    _instead_of_abort(code)
    late = threading.Timer(SECONDS_TO_LEAVE, os._exit, [code])
    late.daemon = True
    late.start()
  sys.modules['jax'].distributed.shutdown()
