#!/bin/sh
# Replace the replicas of services one by one, as after building a new image or changing .env.
# A new one is ready before an old one is told to leave, so that there is never one less.
#   deploy/roll.sh [SERVICE ...]       by default all five
set -eu
cd "$(dirname "$0")/.."

if [ -z "${COMPOSE:-}" ]; then
    COMPOSE=docker-compose
    docker compose version >/dev/null 2>&1 && COMPOSE='docker compose'
fi
WITHIN_S=60

replicas() { $COMPOSE ps -q "$1"; }

# start SERVICE: print the id of one more replica, once it is ready.
start() {
    before=$(replicas "$1")
    more=$(($(echo "$before" | wc -w) + 1))
    $COMPOSE up -d --no-build --no-deps --no-recreate --scale "$1=$more" "$1" >/dev/null 2>&1
    for new in $(replicas "$1"); do
        case $before in *"$new"*) continue ;; esac
        for _ in $(seq $((WITHIN_S * 2))); do
            state=$(docker inspect -f '{{.State.Health.Status}}' "$new")
            [ "$state" = healthy ] && echo "$new" && return
            sleep 0.5
        done
        docker logs --tail 20 "$new" >&2
        docker rm -f "$new" >/dev/null
    done
    echo "roll: a new $1 was not ready within $WITHIN_S s; the others were left as they are" >&2
    return 1
}

# Who reads a new event comes before who writes it.
[ $# -gt 0 ] || set -- projector notifier executor router gateway
for service in "$@"; do
    for old in $(replicas "$service"); do
        new=$(start "$service")
        # Within the grace period that docker-compose.yml gives it.
        docker stop "$old" >/dev/null
        docker rm "$old" >/dev/null
        echo "$service: $(echo "$old" | cut -c1-12) gave way to $(echo "$new" | cut -c1-12)"
    done
done
