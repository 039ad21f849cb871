#!/usr/bin/env bash
# Passes the tests, in .venv, which is made if it is missing.
#   bash scripts/test.sh           everything
#   bash scripts/test.sh --fast    the inner suite, a few minutes
# Anything else goes to pytest, such as: bash scripts/test.sh -k resume
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
environment test
if [ "${1:-}" = --fast ]; then
  shift
  set -- -m 'not slow' "$@"
fi
# What the tests compile stays in .pytest_cache/compiled: the second call is quicker.
# Files side by side, one more than there are cores, for some tests wait for processes;
# beyond four the processes that tests start get in each other's way. A worker that crashes
# ends the session: with --dist loadfile a new one in its place can wait for ever
# (pytest-xdist 3.8.0, its issue 1378).
workers=$(( $(getconf _NPROCESSORS_ONLN) + 1 ))
exec python -m pytest --numprocesses $(( workers < 4 ? workers : 4 )) \
  --dist loadfile --no-loadscope-reorder --max-worker-restart 0 "$@"
