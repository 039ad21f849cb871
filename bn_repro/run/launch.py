"""Who started this process, and as one of how many: read from the environment.

A process is one of several where a launcher started it so: a task of an `srun` step,
a rank of `mpirun`, a host of a TPU pod. An allocation alone (`salloc`, `sbatch`
without `srun`), the variables of a TPU pod on a machine without a TPU, and a count
without a rank are none: the process trains alone and says so. JAX must be able to
find the others by the same variables (jax/_src/clusters); else it is an error that
names them and the flags. A launcher of one process (`mpirun -n 1`) is none, silently.
"""

from collections.abc import Mapping
from typing import NamedTuple

from bn_repro.run.errors import UserError, shortened

# What JAX's own detection of a SLURM step reads (since 0.9; 0.8 asks for the first).
SLURM_STEP = (
  'SLURM_JOB_ID', 'SLURM_STEP_NODELIST', 'SLURM_NTASKS', 'SLURM_PROCID',
  'SLURM_LOCALID',
)  # fmt: skip
OMPI = ('OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK')
OMPI_ADDRESS = ('OMPI_MCA_orte_hnp_uri', 'OMPI_COMM_WORLD_LOCAL_RANK')
# Count, rank, launcher; whether mpi4py meets the others.
OTHERS = (
  ('PMI_SIZE', 'PMI_RANK', 'mpiexec', True),
  ('MV2_COMM_WORLD_SIZE', 'MV2_COMM_WORLD_RANK', 'mpirun', True),
  ('JSM_NAMESPACE_SIZE', 'JSM_NAMESPACE_RANK', 'jsrun', True),
  ('FLUX_JOB_SIZE', 'FLUX_TASK_RANK', 'flux', False),
  ('WORLD_SIZE', 'RANK', 'torchrun', False),
)
TPU_HOSTS = ('TPU_PROCESS_ADDRESSES', 'TPU_WORKER_HOSTNAMES')
# From here on they are no steps of tasks, but the batch script or a shell in it.
FIRST_SPECIAL_STEP = 4_294_967_290
FLAGS = '--coordinator=HOST:PORT, --num_processes and --process_id'


class Launch(NamedTuple):
  """How this process was started.

  Attributes:
    method: JAX's name of what finds the others (`cluster_detection_method`); None
      for a process that is alone.
    count: of the processes, this one among them.
    variables: that say so, such as SLURM_NTASKS=4.
    note: of a process that is alone where variables speak of several: why, and how
      to join; else empty.
  """

  method: str | None = None
  count: int = 1
  variables: str = ''
  note: str = ''


class Machine(NamedTuple):
  """What the variables do not say.

  Attributes:
    pid: of this process.
    is_tpu: whether JAX sees the chips and the library of a TPU.
    has_mpi4py: whether it is installed.
  """

  pid: int = 0
  is_tpu: bool = False
  has_mpi4py: bool = False


def detect(environment: Mapping[str, str], machine: Machine) -> Launch:
  """How the process with these variables was started.

  In the order of JAX: Open MPI, whose ranks may inherit the variables of the step
  that started its daemons, then SLURM, then a TPU pod.

  Raises:
    UserError: a launcher started it as one of several, and JAX cannot find the others.
  """
  return (
    _open_mpi(environment, machine)
    or _slurm(environment, machine)
    or _others(environment, machine)
    or _tpu(environment, machine)
    or Launch(note=_note(environment))
  )


def _open_mpi(environment: Mapping[str, str], machine: Machine) -> Launch | None:
  count, rank = _count_and_rank(environment, *OMPI)
  if count == 1 or rank is None:
    return None
  variables = _shown(environment, OMPI)
  if all(name in environment for name in OMPI_ADDRESS):
    return Launch('ompi', count, variables)
  return _by_mpi4py(variables, 'mpirun', count, rank, machine)


def _slurm(environment: Mapping[str, str], machine: Machine) -> Launch | None:
  """Of a step of several tasks; not of the batch script or a shell in a terminal."""
  tasks = _number_from_1(environment, 'SLURM_NTASKS')
  count = _number(environment.get('SLURM_STEP_NUM_TASKS')) or tasks
  rank = _number(environment.get('SLURM_PROCID'))
  if count < 2 or not _is_task(environment, machine.pid):
    return None
  if _is_of_mpi(environment, count, rank):
    return None
  missing = [name for name in SLURM_STEP if name not in environment]
  variables = _shown(environment, ('SLURM_NTASKS', 'SLURM_PROCID'))
  if missing:
    raise UserError(
      f'{variables} say that srun started this process as one of {count}, but '
      f'{", ".join(missing)} {"is" if len(missing) == 1 else "are"} not set, by which '
      f'JAX finds the others; start it by srun, or give each {FLAGS}, or unset '
      'SLURM_NTASKS to train alone'
    )
  return Launch('slurm', count, f'{variables}, {_shown(environment, SLURM_STEP[1:2])}')


def _is_task(environment: Mapping[str, str], pid: int) -> bool:
  """Whether srun started this process, or what started it, as a task of a step."""
  if 'SLURM_PTY_PORT' in environment:
    # In `srun --pty bash` the shell is the task, and nobody starts the other ones.
    return environment.get('SLURM_TASK_PID') == str(pid)
  step = _number(environment.get('SLURM_STEP_ID', environment.get('SLURM_STEPID')))
  is_later = bool(_number(environment.get('SLURM_PROCID')))  # a batch script is 0
  if step is not None:
    return is_later or step < FIRST_SPECIAL_STEP
  return is_later or all(name in environment for name in SLURM_STEP)


def _is_of_mpi(environment: Mapping[str, str], count: int, rank: int | None) -> bool:
  """Whether the step is one of MPI's daemons, which start more processes than it has.

  srun's own PMI counts as SLURM does.
  """
  by_pmi = _count_and_rank(environment, *OTHERS[0][:2])
  return None not in by_pmi and by_pmi[0] > 1 and by_pmi != (count, rank)


def _others(environment: Mapping[str, str], machine: Machine) -> Launch | None:
  for size_name, rank_name, launcher, is_mpi in OTHERS:
    count, rank = _count_and_rank(environment, size_name, rank_name)
    if count > 1 and rank is not None:
      if is_mpi and _is_in_terminal(environment, count, rank):
        continue
      variables = _shown(environment, (size_name, rank_name))
      if is_mpi:
        return _by_mpi4py(variables, launcher, count, rank, machine)
      raise UserError(_cannot_join(variables, launcher, count, rank))
  return None


def _is_in_terminal(environment: Mapping[str, str], count: int, rank: int) -> bool:
  """Whether it is srun's own PMI that says so, to a shell in a terminal."""
  step = _count_and_rank(environment, 'SLURM_STEP_NUM_TASKS', 'SLURM_PROCID')
  return 'SLURM_PTY_PORT' in environment and step == (count, rank)


def _by_mpi4py(
  variables: str, launcher: str, count: int, rank: int, machine: Machine
) -> Launch:
  if machine.has_mpi4py:
    return Launch('mpi4py', count, variables)
  more = 'install mpi4py, or '
  raise UserError(_cannot_join(variables, launcher, count, rank, more))


def _cannot_join(
  variables: str, launcher: str, count: int, rank: int, more: str = ''
) -> str:
  return (
    f'{variables} say that {launcher} started this process as one of {count}, and JAX '
    f'cannot find the others by them; {more}give each --coordinator=HOST:PORT, '
    f'--num_processes={count} and its own --process_id (here {rank}), or unset them to '
    'train alone'
  )


def _tpu(environment: Mapping[str, str], machine: Machine) -> Launch | None:
  count = tpu_count(environment)
  if count == 1:
    return None
  names = (*TPU_HOSTS, 'MEGASCALE_NUM_SLICES', 'TPU_WORKER_ID')
  variables = _shown(environment, names)
  if not machine.is_tpu:
    return Launch(
      note=f'{variables}, but JAX finds no TPU here: this process trains alone; to '
      f'train together with others give each {FLAGS}'
    )
  if _number(environment.get('TPU_WORKER_ID')) is None:
    raise UserError(
      f'{variables} say that this host is one of {count} of a TPU pod, but not which; '
      f'set TPU_WORKER_ID to its number from 0, or give each {FLAGS}'
    )
  return Launch('gketpu', count, variables)


def tpu_count(environment: Mapping[str, str]) -> int:
  """How many hosts of a TPU pod the variables name, over all slices; 1 if none."""
  named = [environment[name] for name in TPU_HOSTS if environment.get(name)]
  hosts = len([host for host in named[0].split(',') if host.strip()]) if named else 1
  return max(1, hosts) * _number_from_1(environment, 'MEGASCALE_NUM_SLICES')


def _note(environment: Mapping[str, str]) -> str:
  """Of a process that is alone: what speaks of several all the same."""
  if name := _allocation(environment):
    return (
      f'{_shown(environment, (name,))}, but no srun started this process as one of '
      'them: it trains alone; to train together start it by srun, or give each '
      f'{FLAGS}'
    )
  for name in (OMPI[0], *(row[0] for row in OTHERS)):
    if _number_from_1(environment, name) > 1:
      return _without(environment, name, 'which of them this is')
  for name in ('JAX_COORDINATOR_ADDRESS', 'JOB_COMPLETION_INDEX', 'PMIX_RANK'):
    if environment.get(name):
      return _without(environment, name, 'how many there are')
  return ''


def _allocation(environment: Mapping[str, str]) -> str | None:
  """The variable by which SLURM gave this job room for several processes."""
  names = ['SLURM_NTASKS']
  if 'SLURM_PTY_PORT' in environment or 'SLURM_STEP_NUM_TASKS' not in environment:
    names += ['SLURM_JOB_NUM_NODES', 'SLURM_NNODES']  # `srun -n 1` is meant so
  return next((name for name in names if _number_from_1(environment, name) > 1), None)


def _without(environment: Mapping[str, str], name: str, missing: str) -> str:
  return (
    f'{_shown(environment, (name,))}, but nothing says {missing}: this process trains '
    f'alone; to train together with others give each {FLAGS}'
  )


def _count_and_rank(
  environment: Mapping[str, str], size_name: str, rank_name: str
) -> tuple[int, int | None]:
  """1 and None if they make no sense."""
  count = _number_from_1(environment, size_name)
  rank = _number(environment.get(rank_name))
  return count, rank if rank is not None and rank < count else None


def _number_from_1(environment: Mapping[str, str], name: str) -> int:
  return _number(environment.get(name)) or 1


def _number(text: str | None) -> int | None:
  return int(text) if text and text.isdecimal() and len(text) < 12 else None


def _shown(environment: Mapping[str, str], names: tuple[str, ...]) -> str:
  """The variables that are set, such as SLURM_NTASKS=4 and SLURM_PROCID=0."""
  present = [f'{name}={shortened(environment[name])}' for name in names
             if environment.get(name)]  # fmt: skip
  return ' and '.join(present)
