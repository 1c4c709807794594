#!/bin/sh
# Make .venv with exactly what requirements.lock says. Needs Python 3.11+; uses uv if it is there.
set -eu

# Setuptools warns of every editable install; nothing here can be done about it.
export PYTHONWARNINGS=ignore

fail() {
    echo "setup: $1" >&2
    exit 1
}

with_uv() {
    uv venv --quiet --allow-existing --python "$PYTHON" .venv &&
        uv pip install --quiet --python .venv/bin/python --require-hashes -r requirements.lock &&
        uv pip install --quiet --python .venv/bin/python --no-deps --no-build-isolation -e .
}

with_pip() {
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON lacks venv or ensurepip: on Debian or Ubuntu, apt install python3-venv"
    "$PYTHON" -m venv .venv
    pip='.venv/bin/python -m pip --quiet --disable-pip-version-check install'
    $pip --require-hashes -r requirements.lock
    $pip --no-deps --no-build-isolation -e .
}

[ -n "${PYTHON:-}" ] || fail "Python 3.11 or newer is needed (or: make setup PYTHON=/path/to/it)"
echo "Installing into .venv with $PYTHON; the first time this takes a minute." >&2
# pip may know a mirror that uv does not: it has the last word.
if command -v uv >/dev/null && with_uv; then
    exit 0
fi
with_pip
