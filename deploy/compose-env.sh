#!/bin/sh
# Write what docker-compose.yml needs to know into a file, by default .env: passwords, made up here.
# What the file has already is kept.
#   deploy/compose-env.sh [FILE]
set -eu
file=${1:-$(dirname "$0")/../.env}
umask 077
touch "$file"

password() {
    if ! grep -q "^$1=" "$file"; then
        # Hexadecimal, because they become part of a URL.
        echo "$1=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >>"$file"
    fi
}

password REDIS_PASSWORD
password POSTGRES_PASSWORD
password GRAFANA_PASSWORD
if ! grep -qE '^(OPEN_ACCESS|API_KEYS_FILE)=' "$file"; then
    cat >>"$file" <<'end'

# NO KEYS: whoever can open http://127.0.0.1:8000 on this machine may place, see and cancel orders.
# Before anything else can reach that port, put keys into deploy/keys/ and swap these two lines
# (docs/deploy.md, "Who may come in").
OPEN_ACCESS=true
#API_KEYS_FILE=/etc/slipstream/keys/keys.jsonl

# Any other setting of the services may stand here too: .env.example has them all.
end
    echo "$file: without keys (OPEN_ACCESS=true), for this machine only. Read it." >&2
fi
