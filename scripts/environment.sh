# Sourced by the other scripts: `environment [EXTRA]` makes .venv once, with
# requirements.txt and an extra of pyproject.toml, and enters it.

find_python() {
  local candidate
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && "$candidate" -c \
      'import sys; sys.exit(sys.version_info < (3, 11))' 2> /dev/null; then
      echo "$candidate"
      return
    fi
  done
  echo 'error: no Python 3.11 or newer; install one or set PYTHON to it' >&2
  return 2
}

requirements_of() {
  cat requirements.txt
  [ -z "$1" ] || .venv/bin/python - "$1" << 'CODE'
import sys, tomllib
project = tomllib.load(open('pyproject.toml', 'rb'))['project']
print(*project['optional-dependencies'][sys.argv[1]], sep='\n')
CODE
}

environment() {
  local extra=${1:-} python wanted
  # venv makes activate last: without it, the making was cut short. Without its Python,
  # the system's has been replaced by another version.
  if [ ! -f .venv/bin/activate ] || ! .venv/bin/python -c '' 2> /dev/null; then
    python=$(find_python) || exit 2
    echo "making .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
  fi
  wanted=$(requirements_of "$extra")
  if [ "$wanted" != "$(cat ".venv/installed-$extra" 2> /dev/null)" ]; then
    echo 'installing packages into .venv (about a minute)'
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
      --requirement /dev/stdin <<< "$wanted"
    echo "$wanted" > ".venv/installed-$extra"
  fi
  # Not by activate, which names the folder where .venv was made.
  export VIRTUAL_ENV=$PWD/.venv PATH=$PWD/.venv/bin:$PATH
}
