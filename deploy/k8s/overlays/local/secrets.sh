#!/bin/sh
# Make up passwords for this overlay's servers, in two files that are not committed.
set -eu
cd "$(dirname "$0")"
umask 077

if [ -e servers.env ] || [ -e passwords.env ]; then
    echo "servers.env or passwords.env is there; the servers' volumes may need the old passwords" >&2
    exit 1
fi
password() { od -An -N24 -tx1 /dev/urandom | tr -d ' \n'; }
redis=$(password) postgres=$(password)
cat >passwords.env <<END
REDIS_PASSWORD=$redis
POSTGRES_PASSWORD=$postgres
END
cat >servers.env <<END
REDIS_URL=redis://:$redis@redis:6379/0
DATABASE_URL=postgresql://slipstream:$postgres@postgres:5432/slipstream
END
