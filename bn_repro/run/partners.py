"""Whether the other processes of a run are alive; a process asks after a signal.

A thread of each answers through the store of JAX's coordination service, whatever its
main thread waits for; a frozen or dead process does not. JAX itself gives a process up
only after `config.partner_timeout` seconds.
"""

import itertools
import threading
from typing import Any

SECONDS_TO_ANSWER = 0.6
_A_DAY = 24 * 3600 * 1000  # milliseconds
_QUESTION, _ANSWER = 'bn_repro/question/{}', 'bn_repro/answer/{}/{}'
_round = 0  # of questions that this process has answered


def start() -> None:
  """Answers from now on; called once, after the processes have connected."""
  # It ends with JAX's own shutdown.
  threading.Thread(target=_answer, args=[_client()], daemon=True).start()


def _client() -> Any:
  from jax._src import distributed  # the store has no public name

  return distributed.global_state.client


def _answer(client: Any) -> None:
  import jax

  global _round
  try:
    for _round in itertools.count():
      client.blocking_key_value_get(_QUESTION.format(_round), _A_DAY)
      client.key_value_set(_ANSWER.format(_round, jax.process_index()), 'here')
  except Exception:  # JAX is being shut down
    return


def silent() -> list[int]:
  """The processes that do not answer within `SECONDS_TO_ANSWER`."""
  import jax

  # The first process keeps the store: without it no other can be heard.
  others = [i for i in range(jax.process_count()) if i != jax.process_index()]
  heard: set[int] = set()
  asking = threading.Thread(target=_ask, args=[others, heard], daemon=True)
  asking.start()
  asking.join(SECONDS_TO_ANSWER)
  return [process for process in others if process not in heard]


def _ask(others: list[int], heard: set[int]) -> None:
  client, number = _client(), _round
  try:
    client.key_value_set(_QUESTION.format(number), 'asked', allow_overwrite=True)
    for process in others:
      client.blocking_key_value_get(
        _ANSWER.format(number, process), int(SECONDS_TO_ANSWER * 1000)
      )
      heard.add(process)
  except Exception:  # no answer in time, or no store
    return
