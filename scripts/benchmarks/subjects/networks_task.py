"""One training step of a network of figure 3, in a process of its own."""

from subjects import inception, noise, speed

from bn_repro.run import config as config_lib

WARM_UP_STEPS, BRIEF_STEPS = 2, 8


def measure(location: str, overrides: dict, seconds: float, cores: int) -> dict:
  """Seconds of a step, crops and distortions included, on noise that lies in memory.

  Args:
    location: of the config, such as 'configs/inception.py:imagenette_160'.
    overrides: its other fields, dotted.
    seconds: to be measured, about.
    cores: to how many the process is pinned.
  """
  speed.pin(cores)
  config = config_lib.load(str(config_lib.PROJECT / location), overrides)
  config.num_devices = 1
  examples = noise.images(config)
  step = noise.Step(inception.experiment_of(config, examples))
  measured = speed.measure(step.run, WARM_UP_STEPS, BRIEF_STEPS, seconds)
  return {
    'seconds_per_step': measured['seconds'] / measured['steps'],
    'steps': measured['steps'], 'device': step.device,
  }  # fmt: skip
