"""Communication between the processes of a run; with one process nothing is sent."""

import jax
import numpy as np
from jax import lax
from jax.experimental import multihost_utils

AXIS = 'devices'


def meet() -> None:
  """Runs each kind of collective once, while all processes are at the same place."""
  # The first of a kind fails after half a minute; later, one process may be compiling.
  if jax.process_count() > 1:
    any_process(False)
    sum_over = jax.pmap(lambda value: lax.psum(value, AXIS), AXIS)
    jax.block_until_ready(sum_over(np.zeros(jax.local_device_count())))


def any_process(answer: bool) -> bool:
  """Whether `answer` is true in any process; all processes must call this."""
  if jax.process_count() == 1:
    return answer
  return bool(np.any(multihost_utils.process_allgather(np.asarray(answer))))


def sum_over_processes(number: int) -> int:
  """The sum of the numbers of all processes; all of them must call this."""
  if jax.process_count() == 1:
    return number
  numbers = multihost_utils.process_allgather(np.asarray(number, np.int32))
  return int(np.sum(numbers))


def largest(number: float) -> float:
  """The largest number of all processes, float32 if several; all must call this."""
  if jax.process_count() == 1:
    return number
  return float(np.max(multihost_utils.process_allgather(np.float32(number))))


def is_first_process() -> bool:
  """Whether this process is the one that writes and prints."""
  return jax.process_index() == 0


def from_first_process(data: bytes | None) -> bytes:
  """The data of the first process, in every process; the others pass None."""
  if jax.process_count() == 1:
    return data
  hand_out = multihost_utils.broadcast_one_to_all
  size = int(hand_out(np.int32(len(data or b''))))
  own = np.frombuffer(data or bytes(size), np.uint8)
  return np.asarray(hand_out(own)).tobytes()


def share_of_process(size: int, devices: list[jax.Device]) -> slice:
  """Which of `size` examples, in order, are for the devices of this process."""
  owners = [device.process_index for device in devices]
  each = size // len(devices)
  first = owners.index(jax.process_index())
  return slice(first * each, (first + owners.count(jax.process_index())) * each)
