"""Checkpoints of a training run: the only file that knows Orbax.

`checkpoints/` holds one folder for each saved step, named by its number. Does
not know what a state contains.
"""

from pathlib import Path
from typing import Any

import jax
import orbax.checkpoint as ocp

KEPT = 3


class Checkpoints:
  """Saves states of a run in the background and finds the newest again."""

  def __init__(self, directory: Path):
    self._manager = ocp.CheckpointManager(
      directory.absolute(),
      options=ocp.CheckpointManagerOptions(max_to_keep=KEPT),
    )

  def __enter__(self) -> 'Checkpoints':
    return self

  def __exit__(self, *unused) -> None:
    self._manager.wait_until_finished()
    self._manager.close()

  def save(self, step: int, state: Any) -> None:
    """Starts to save a tree of NumPy arrays; appears whole or not at all."""
    self._manager.save(step, args=ocp.args.StandardSave(state), force=True)

  def restore_latest(self, template: Any) -> Any | None:
    """The newest state, shaped like the template; None if none was saved."""
    step = self._manager.latest_step()
    if step is None:
      return None
    abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, template)
    return self._manager.restore(step, args=ocp.args.StandardRestore(abstract))
