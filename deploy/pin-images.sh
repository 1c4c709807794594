#!/bin/sh
# Print each public image of docker-compose.yml with the digest that its registry has now, for .env:
#   sh deploy/pin-images.sh >> .env
set -eu
cd "$(dirname "$0")/.."
sed -n 's/.*\${\([A-Z]*_IMAGE\):-\([^}]*\)}.*/\1 \2/p' docker-compose.yml |
    while read -r name image; do
        digest=$(docker buildx imagetools inspect "$image" </dev/null | sed -n 's/^Digest: *//p')
        if [ -z "$digest" ]; then
            echo "$image: no digest; see what docker buildx imagetools inspect $image says" >&2
            exit 1
        fi
        echo "$name=$image@$digest"
    done
