#!/bin/sh
# Makes the environment in .venv: `setup.sh all` to run Moodring, `setup.sh all,dev` to work on it.
set -eu
cd "$(dirname "$0")/.."
extras=$1
python=${PYTHON:-python3}
say() { echo "moodring set-up: $*" >&2; }
fail() { say "$*"; exit 1; }

command -v "$python" >/dev/null || fail "$python is missing; install it (Debian: apt install python3 python3-venv)"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  fail "$("$python" --version) is too old, 3.11 is needed; name another one with PYTHON=… make run"

if [ ! -x .venv/bin/python ]; then
  say "making the environment in .venv"
  if command -v uv >/dev/null; then
    uv venv --quiet --python "$python" .venv
  else
    "$python" -m venv .venv || { rm -rf .venv; fail "Python's venv module is missing (Debian: apt install python3-venv)"; }
  fi
fi
uv=$(command -v uv || echo .venv/bin/uv)
[ -x "$uv" ] || { say "installing uv, which installs the rest"; .venv/bin/pip install --quiet 'uv>=0.9,<1'; }
say "installing the packages of requirements.lock (a minute or two, the first time)"
"$uv" pip install --compile-bytecode --python .venv/bin/python -c requirements.lock -e ".[$extras]"
