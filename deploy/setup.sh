#!/bin/sh
# Make .venv with exactly what requirements.lock says. Needs Python 3.11+; uses uv if it is there.
set -eu

# Setuptools warns of every editable install; nothing here can be done about it.
export PYTHONWARNINGS=ignore
began=$(date +%s)
log=.venv/setup.log

say() {
    printf 'setup: %3d s  %s\n' "$(($(date +%s) - began))" "$1" >&2
}

fail() {
    echo "setup: $1" >&2
    exit 1
}

# Run a step: its line first, then one for each thing in it that takes its time. All else that the
# program says is kept, and shown when it fails.
step() {
    say "$1"
    shift
    { "$@" 2>&1 && echo "exit 0" || echo "exit $?"; } | while read -r line; do
        case $line in
        "exit 0") exit 0 ;;
        "exit "*) exit 1 ;;
        Downloading*.whl*M*B\)) say "  ${line%%-*} (${line##*\(}" ;;
        Downloading*M*B\)) say "  $line" ;;
        Installing*) say "  ${line%%:*}" ;;
        esac
        printf '%s\n' "$line" >>"$log"
    done && return
    tail -n 20 "$log" >&2
    echo "setup: that failed; the whole of what was said is in $log" >&2
    return 1
}

with_uv() {
    step "making .venv with $PYTHON and uv" \
        uv venv --allow-existing --python "$PYTHON" .venv &&
        step "installing what requirements.lock names" \
            uv pip install --python .venv/bin/python --require-hashes -r requirements.lock &&
        step "installing Slipstream" \
            uv pip install --python .venv/bin/python --no-deps --no-build-isolation -e .
}

with_pip() {
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "$PYTHON lacks venv or ensurepip: on Debian or Ubuntu, apt install python3-venv"
    # Not compiled: few of these are ever imported, and those once. uv does the same.
    pip='.venv/bin/python -m pip --disable-pip-version-check install --no-compile --progress-bar off'
    step "making .venv with $PYTHON and pip" "$PYTHON" -m venv .venv
    step "installing what requirements.lock names" \
        $pip --require-hashes -r requirements.lock
    step "installing Slipstream" $pip --no-deps --no-build-isolation -e .
}

[ -n "${PYTHON:-}" ] || fail "Python 3.11 or newer is needed (or: make setup PYTHON=/path/to/it)"
mkdir -p .venv
: >"$log"
# pip may know a mirror that uv does not: it has the last word.
if command -v uv >/dev/null && with_uv; then
    say "done"
    exit 0
fi
with_pip
say "done"
