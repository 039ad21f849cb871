"""How the processes of one run meet, lose each other and end.

JAX knows within a bounded time that another process is gone or frozen, whatever
this one is doing, and then aborts it with a dump of its own. Here that abort becomes
one line and an exit code. Imports JAX late: its C++ part reads once, from the
environment, what it may print. Does not know what the processes compute.
"""

import ctypes
import math
import os
import signal
import sys
import threading
import time

from bn_repro.errors import MachineError, UserError, one_line

SECONDS_TO_MEET = 300
SECONDS_TO_LEAVE = 5  # for one that failed, before it stops waiting for the others
_GONE = (
  'error: another process of this run is gone, or JAX gave this one up '
  '(TF_CPP_MIN_LOG_LEVEL=0 says more); start all again, and they resume'
)
_NOT_MET = 'error: the processes did not meet; start all of them within five minutes'
_handlers = []  # C keeps no reference to them


def join(
  coordinator: str | None,
  num_processes: int | None,
  process_id: int | None,
  limit: float,
) -> None:
  """Joins the processes of a run, before JAX is used otherwise.

  Args:
    coordinator: address:port of the first process. None: what SLURM or a TPU pod
      says of itself; a process that neither concerns stays alone.
    num_processes: how many there are.
    process_id: which of them this is, from 0.
    limit: seconds after which a silent process counts as gone; this one then ends
      with one line and the code of `MachineError`.

  Raises:
    UserError: the flags or the cluster's variables make no sense to JAX.
  """
  if coordinator is None and not _is_one_of_several():
    return
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '4')  # no dump of an abort
  import jax

  # It would take SIGTERM from us, and Orbax feeds it step numbers of its own.
  jax.config.update('jax_enable_preemption_service', False)
  _instead_of_abort(UserError.exit_code, _NOT_MET)
  try:
    jax.distributed.initialize(
      coordinator, num_processes, process_id,
      heartbeat_timeout_seconds=math.ceil(limit),
      initialization_timeout=SECONDS_TO_MEET,
    )  # fmt: skip
  except (RuntimeError, ValueError) as error:
    raise UserError(f'the processes did not meet: {one_line(error)}') from error
  _instead_of_abort(MachineError.exit_code, _GONE)


def _is_one_of_several() -> bool:
  """Whether SLURM or a TPU pod started this process beside others."""
  tasks = os.environ.get('SLURM_NTASKS', '1')
  hosts = os.environ.get('TPU_WORKER_HOSTNAMES', '')
  return (tasks.isdigit() and int(tasks) > 1) or len(hosts.split(',')) > 1


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


def await_verdict(limit: float) -> None:
  """After an error of JAX: does not return if another process's end is its cause."""
  if _is_joined():
    time.sleep(math.ceil(limit) + 2)


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
