#!/bin/sh
# Installs the engines that `cllm-gen bench` compares with below build/peers, apart from .venv: nothing
# but the benchmark, and the tests beside llama.cpp's server, need them. llama.cpp is compiled here once
# (10 to 20 minutes on two cores), its libraries and its server, from the sources that the package
# llama-cpp-python ships; the Python package then loads those libraries. Does nothing, quickly, when all
# is in place.
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
sets="-DGGML_NATIVE=OFF -DGGML_AMX_TILE=OFF -DGGML_AMX_INT8=OFF -DGGML_AMX_BF16=OFF \
$(option avx2 GGML_AVX2)$(option fma GGML_FMA)$(option f16c GGML_F16C)$(option bmi2 GGML_BMI2)\
$(option avx512f GGML_AVX512)$(option avx512vbmi GGML_AVX512_VBMI)\
$(option avx512_vnni GGML_AVX512_VNNI)$(option avx512_bf16 GGML_AVX512_BF16)"
parts="-DLLAMA_BUILD_TESTS=OFF -DLLAMA_BUILD_EXAMPLES=OFF -DLLAMA_BUILD_APP=OFF -DLLAMA_BUILD_UI=OFF \
-DLLAMA_USE_PREBUILT_UI=OFF -DLLAMA_OPENSSL=OFF"

mkdir -p "$peers"
[ -x "$peers/venv/bin/python" ] || python3 -m venv "$peers/venv"
bin=$(pwd)/$peers/venv/bin
step "installing peers into $peers/venv"
# The package's own build of llama.cpp is left out: it would compile all but the server again.
CMAKE_ARGS="-DLLAMA_BUILD=OFF -DLLAVA_BUILD=OFF" nice -n 19 "$bin/python" -m pip install -q \
    --disable-pip-version-check --no-binary llama-cpp-python --editable '.[bench]'

version=$("$bin/python" -c 'from importlib.metadata import version; print(version("llama-cpp-python"))')
sources=$peers/llama_cpp_python-$version
if ! [ -d "$sources" ]; then
    step "fetching the sources of llama.cpp ($sources)"
    nice -n 19 "$bin/python" -m pip download -q --disable-pip-version-check --no-deps \
        --no-binary llama-cpp-python "llama-cpp-python==$version" -d "$peers"
    tar -xzf "$sources.tar.gz" -C "$peers"
fi
step "compiling llama.cpp into $peers/llama.cpp, which takes many minutes"
# The words of $sets and $parts are options without spaces.
PATH=$bin:$PATH nice -n 19 "$bin/cmake" -S "$sources/vendor/llama.cpp" -B "$peers/llama.cpp" -G Ninja \
    -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON $sets $parts >"$peers/cmake.log"
PATH=$bin:$PATH nice -n 19 "$bin/cmake" --build "$peers/llama.cpp" --target llama-server \
    >>"$peers/cmake.log"

# Its kernels alone once more for each class of older CPUs (cllm_gen/bench/peers.py, BUILDS): a minute
# each. They stand in for those of the build above, whose other libraries they work with.
for class in sse2 sse42 avx2; do
    case $class in
    sse2) sse42=OFF avx2=OFF ;;
    sse42) sse42=ON avx2=OFF ;;
    avx2) sse42=ON avx2=ON ;;
    esac
    only="-DGGML_NATIVE=OFF -DGGML_SSE42=$sse42 -DGGML_AVX=$avx2 -DGGML_AVX2=$avx2 -DGGML_FMA=$avx2 \
-DGGML_F16C=$avx2 -DGGML_BMI2=$avx2"
    step "compiling llama.cpp's kernels for $class"
    PATH=$bin:$PATH nice -n 19 "$bin/cmake" -S "$sources/vendor/llama.cpp" -B "$peers/llama.cpp-$class" \
        -G Ninja -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON $only $parts >>"$peers/cmake.log"
    PATH=$bin:$PATH nice -n 19 "$bin/cmake" --build "$peers/llama.cpp-$class" --target ggml-cpu \
        >>"$peers/cmake.log"
done
printf '%s\n' "$wanted" >"$stamp"
