#!/usr/bin/env bash
# With MALLOC_MMAP_MAX_=0 glibc maps and unmaps large blocks all the same, in every thread but the first.
#
# Sworn: "Setting this parameter to 0 disables the use of mmap(2) for servicing large allocation requests" (mallopt(3)).
#   With MALLOC_TRIM_THRESHOLD_ beside it a process keeps what it frees, so that the next large array costs no new
#   pages: the advice for training on CPUs, where each step frees and asks for the same working memory.
# Seen: an array of 70 MB, made and dropped ten times, touches its pages once in the main thread, and anew each time in
#   another thread: 17,921 pages of 4 kB, which the kernel maps, clears and unmaps. 38 MB are kept in one thread, and
#   mapped anew each time in another that has 30 MB in use. With MALLOC_ARENA_MAX=1 no thread touches a
#   page twice.
# Version: glibc 2.36 with numpy 2.4.6, 2026-11-30. Source: malloc/malloc.c, sysmalloc(), and arena.c, heap_trim(): a
#   thread's arena consists of heaps of 64 MB. What does not fit into one is mapped without a look at M_MMAP_MAX, and a
#   heap that becomes empty is unmapped without a look at M_TRIM_THRESHOLD.
# Matters: the CPU back end of XLA and data loaders compute in threads. Which arena a thread gets differs from start to
#   start, and so does the time of a step: 61 to 67 ms in most processes and 83 to 87 in every fifth, for one program of
#   jax 0.12.0.1 with working memory of 39 MB, on one core.
# Instead: MALLOC_ARENA_MAX=1 beside the two, or another allocator.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install -q 'numpy==2.4.6'
cat > "$work/pages.py" <<'PY'
import resource
import sys
import threading

import numpy as np

TURNS, MEGABYTES, IN_USE = 10, int(sys.argv[2]), int(sys.argv[3])


def pages():
  return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def measure(new):
  """Counts the pages that each array of ones touches for the first time, once another of its size is gone."""
  held = np.ones(IN_USE << 20, np.uint8)
  np.ones(MEGABYTES << 20, np.uint8)
  before = pages()
  for _ in range(TURNS):
    np.ones(MEGABYTES << 20, np.uint8)
  new.append((pages() - before) / TURNS)
  del held


new = []
if sys.argv[1] == 'main':
  measure(new)
else:
  thread = threading.Thread(target=measure, args=(new,))
  thread.start()
  thread.join()
print(round(new[0]))
PY
"$work/venv/bin/python" - <<'PY' || exit 1
import platform

library, version = platform.libc_ver()
print(library, version)
if library != 'glibc':
  raise SystemExit('changed: this is no glibc')
PY
keep() { # of: where, size of the array, memory in use, further variables
  env MALLOC_MMAP_MAX_=0 MALLOC_TRIM_THRESHOLD_=1000000000 NUMPY_MADVISE_HUGEPAGE=0 "${@:4}" \
    "$work/venv/bin/python" "$work/pages.py" "$1" "$2" "$3"
}
main=$(keep main 70 0) thread=$(keep thread 70 0) shared=$(keep thread 70 0 MALLOC_ARENA_MAX=1)
alone=$(keep thread 38 0) beside=$(keep thread 38 30) beside_shared=$(keep thread 38 30 MALLOC_ARENA_MAX=1)
echo "new pages for each array of 70 MB: main thread $main, another thread $thread, with one arena $shared"
echo "new pages for each array of 38 MB in a thread: $alone, with 30 MB in use $beside, with one arena $beside_shared"
if (( main > 100 || shared > 100 || beside_shared > 100 )); then
  echo 'changed: not even the main thread, or one arena, keeps what is freed'; exit 1
fi
if (( thread < 17000 || alone > 100 || beside < 9000 )); then
  echo 'changed: another thread keeps what is freed'; exit 1
fi
echo 'as stated: without one arena for all, threads map large blocks anew'
