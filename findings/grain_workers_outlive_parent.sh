#!/usr/bin/env bash
# Grain's worker processes outlive a training process that is killed.
#
# Sworn: the workers of mp_prefetch are daemons of the process that reads from them; when it is gone, also by SIGKILL
#   (the kernel when memory is short, a scheduler's last word), their pipes close and they end.
# Seen: each worker holds both ends of its own queue, so nothing closes. The workers sleep on with their
#   share of memory; a restarted job finds them still there, and so does the one after it.
# Version: grain 0.2.18, Python 3.11, 2026-11-28. Source: grain/_src/python/dataset/transformations/prefetch.py
#   and process_prefetch.py. The documentation speaks of workers that fail, not of a parent that does.
# Matters: on a shared machine a few killed runs are enough to fill memory or /dev/shm.
set -euo pipefail
work=$(mktemp -d)
workers=''
# shellcheck disable=SC2086
trap 'kill -9 $workers 2> /dev/null || true; rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'grain==0.2.18' 'numpy==2.4.6'
cat > "$work/read.py" <<'PY'
import time

import grain
import numpy as np

if __name__ == '__main__':
  examples = grain.MapDataset.range(1_000_000).map(lambda i: np.full(1000, i))
  reader = iter(examples.to_iter_dataset().mp_prefetch(grain.MultiprocessingOptions(2)))
  for _ in range(10):
    next(reader)
  print('reading', flush=True)
  time.sleep(600)
PY
"$work/venv/bin/python" -W ignore "$work/read.py" > "$work/said" 2> /dev/null &
parent=$!
until grep -q reading "$work/said"; do
  kill -0 $parent || { echo 'the reader did not start'; exit 1; }
  sleep 0.5
done
workers=$(pgrep -P $parent -f spawn_main | tr '\n' ' ')
kill -9 $parent
sleep 20
alive=0
for worker in $workers; do kill -0 "$worker" 2> /dev/null && alive=$((alive + 1)); done
echo "workers: $(wc -w <<< "$workers"); alive 20 s after the reader was killed: $alive"
[ "$alive" -ge 2 ] || { echo 'changed: the workers end with their reader'; exit 1; }
echo 'as stated: they live on'
