"""A target is a spec: nothing else has to know its name."""

from pathlib import Path

from click.testing import CliRunner

from cllm_gen.cli import cli
from cllm_gen.image.sources import units
from cllm_gen.lower.appliance import outputs
from cllm_gen.spec.load import load_appliances

SPEC = '''"""The hosted target, compiled by another compiler."""

from dataclasses import replace

from specs.targets.hosted import hosted

other = replace(hosted, name="other", compiler="other-cc", sets=hosted.sets[:2], default=True)
'''


def test_a_target_is_added_by_a_spec_alone(project: Path):
    (project / "specs/targets/other.py").write_text(SPEC)
    file = project / "specs/appliances/smollm2.py"
    text = file.read_text().replace(
        "        hosted: [", "        other: [word32],\n        hosted: ["
    )
    file.write_text("from specs.targets.other import other\n" + text)
    appliance = load_appliances(project)[0]
    target = appliance.target("other")
    assert [each.name for each in appliance.targets] == ["i386", "x86_64", "other", "hosted"]
    assert appliance.target().name == "x86_64", "the first of those that call themselves default"
    compiled = units(project, appliance, target)
    assert {unit.compiler for unit in compiled} == {"other-cc"}
    assert "generated/appliances/smollm2/other.c" in {unit.source for unit in compiled}
    assert "appliances/smollm2/other.c" in {each.path for each in outputs([appliance])}


def test_the_command_line_knows_the_targets_of_the_project(project: Path):
    result = CliRunner().invoke(cli, ["--root", str(project), "build", "--target", "arm64"])
    assert result.exit_code == 2
    assert "'arm64': expected one of hosted, i386, x86_64 (specs/targets)" in result.output
