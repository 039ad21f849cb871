"""The one exception that stands for a user's mistake.

Knows nothing of where it is raised or shown: `main.py` prints its text as one
line and leaves with exit code 2.
"""


class UserError(ValueError):
  """What is wrong, what is allowed and what to do, in one line."""
