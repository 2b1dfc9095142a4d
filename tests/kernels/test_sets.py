"""What a run of tests says about the sets of kernels that it could not run."""

from __future__ import annotations

import subprocess
import sys

from tests.kernels import sets


def test_a_set_that_was_not_run_is_told(monkeypatch):
    monkeypatch.setattr(sets, "CPU_FLAGS", {"sse2", "pni"})
    lines = sets.summary()
    assert lines[0] == "on this CPU: word32, word64, sse2"
    assert [line.split(",")[0] for line in lines[1:]] == [
        f"not run: {isa.name}" for isa in sets.SETS[3:]
    ]
    assert lines[1] == "not run: ssse3, for want of ssse3; its tests are skipped"


def test_an_emulated_set_is_told_as_such(monkeypatch):
    flags = {feature.name for feature in sets.avx2.all_features}
    monkeypatch.setattr(sets, "CPU_FLAGS", flags | {"pni", "ssse3"})
    avx_vnni, avx512, avx512_bf16, amx = sets.summary()[1:]
    assert avx_vnni == "not run: avx_vnni, for want of avx_vnni; its tests are skipped"
    assert avx512.startswith("not run: avx512, for want of avx512f") and "emulated" in avx512
    assert avx512_bf16.startswith("not run: avx512_bf16, for want of avx512f")
    assert amx.startswith("not run: amx, for want of ") and "emulated" in amx


def test_every_run_ends_with_it():
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__]
    done = subprocess.run(
        [*command, "-k", "as_such"], cwd=sets.EMULATED.parent.parent, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert all(line in done.stdout for line in ("instruction sets", *sets.summary()))
