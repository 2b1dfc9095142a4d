#!/bin/sh
# Installs the clients that tests/clients tries into build/clients, apart from .venv: nothing but those
# tests needs them. Does nothing, quickly, when all is in place.
set -eu
cd "$(dirname "$0")/.."

clients=build/clients
stamp=$clients/setup-stamp
wanted=$(cat tests/clients/requirements.txt cllm_gen/setup_clients.sh | cksum)

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

printf 'setup-clients: installing clients into %s (about 500 MB)\n' "$clients" >&2
rm -rf "$clients"
mkdir -p build
python3 -m venv "$clients"
# Byte code is made of what is imported, when it is: most of the packages never is.
"$clients/bin/python" -m pip install -qq --disable-pip-version-check --no-deps --no-compile \
    -r tests/clients/requirements.txt
printf '%s\n' "$wanted" >"$stamp"
