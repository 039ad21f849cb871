#!/usr/bin/env bash
# Checks this project on a GPU or TPU, in at most ten minutes; --help, --tiny: the flags of
# scripts/gpu_check.py. Takes $PYTHON, else .venv, else python3, and installs nothing.
set -euo pipefail
cd "$(dirname "$0")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec "${PYTHON:-$python}" scripts/gpu_check.py "$@"
