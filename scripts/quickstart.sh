#!/usr/bin/env bash
# Sets up .venv, trains section 4.1's two networks on embedded digits, and shows
# a table and figure 1. A second call finds the work done.
set -euo pipefail
if [ $# -gt 0 ]; then
  echo "error: quickstart.sh takes no arguments such as $1; call it without" >&2
  exit 2
fi
cd "$(dirname "$0")/.."
source scripts/environment.sh
environment
exec python scripts/quickstart.py
