#!/bin/sh
# Installs the engines that `cllm-gen bench` compares with into build/peers/venv, apart from .venv:
# nothing but the benchmark needs them. llama.cpp is compiled here (10 to 20 minutes on two cores).
# Does nothing, quickly, when all is in place.
set -eu
cd "$(dirname "$0")/.."

peers=build/peers
stamp=$peers/setup-stamp
wanted=$(cat pyproject.toml cllm_gen/setup_bench.sh | cksum)

step() {
    printf 'setup-bench: %s\n' "$*" >&2
}

if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$wanted" ]; then
    exit 0
fi

if ! command -v g++ >/dev/null; then
    step "g++ is missing; as root: apt-get update && apt-get install -y --no-install-recommends g++"
    exit 1
fi

# One cmake option for one flag of /proc/cpuinfo: llama.cpp gets every set that this CPU has, named one
# by one. GGML_NATIVE is off, since with -march=native its AMX path died of an illegal instruction.
option() {
    if grep -qw "$1" /proc/cpuinfo; then
        printf -- '-D%s=ON ' "$2"
    else
        printf -- '-D%s=OFF ' "$2"
    fi
}
options="-DGGML_NATIVE=OFF -DLLAVA_BUILD=OFF -DCMAKE_BUILD_TYPE=Release \
-DGGML_AMX_TILE=OFF -DGGML_AMX_INT8=OFF -DGGML_AMX_BF16=OFF \
$(option avx2 GGML_AVX2)$(option fma GGML_FMA)$(option f16c GGML_F16C)$(option bmi2 GGML_BMI2)\
$(option avx512f GGML_AVX512)$(option avx512vbmi GGML_AVX512_VBMI)\
$(option avx512_vnni GGML_AVX512_VNNI)$(option avx512_bf16 GGML_AVX512_BF16)"

mkdir -p "$peers"
[ -x "$peers/venv/bin/python" ] || python3 -m venv "$peers/venv"
step "installing peers into $peers/venv; llama.cpp compiles, which takes many minutes"
CMAKE_ARGS="$options" nice -n 19 "$peers/venv/bin/python" -m pip install -q \
    --disable-pip-version-check --no-binary llama-cpp-python --editable '.[bench]'
printf '%s\n' "$wanted" >"$stamp"
