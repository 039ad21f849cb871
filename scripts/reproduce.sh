#!/usr/bin/env bash
# Makes again, in .venv, what two CPU cores can make of results/ in two hours: trains
# every MNIST experiment, measures the trained networks, and writes every table and
# figure. A second call resumes where the first was stopped. Flags: --help.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
environment
exec python scripts/reproduce.py "$@"
