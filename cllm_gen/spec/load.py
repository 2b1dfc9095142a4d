"""Finds the project root and executes `specs/appliances/*.py`."""

from __future__ import annotations

import importlib
import linecache
import sys
from pathlib import Path

from cllm_gen.source import Span, SpecError
from cllm_gen.spec.appliance import Appliance


class NoProject(Exception):
    """The working directory is not inside a cllm checkout."""


def find_root(start: Path | None = None) -> Path:
    """The nearest folder upward that holds `specs/appliances`."""
    start = (start or Path.cwd()).resolve()
    for folder in (start, *start.parents):
        if (folder / "specs" / "appliances").is_dir():
            return folder
    raise NoProject(
        f"no specs/appliances in {start} or above it; run inside the checkout or give --root"
    )


def appliance_names(root: Path) -> list[str]:
    """Appliances that have a spec file, sorted."""
    return sorted(path.stem for path in (root / "specs" / "appliances").glob("[!_]*.py"))


def target_names(root: Path) -> list[str]:
    """Targets that have a spec file, sorted."""
    return sorted(path.stem for path in (root / "specs" / "targets").glob("[!_]*.py"))


def forget_specs(but_of: Path | None = None) -> None:
    """Has modules of specs executed again when next imported; not those below the root `but_of`."""
    for name, module in list(sys.modules.items()):
        if name == "specs" or name.startswith("specs."):
            file = getattr(module, "__file__", None)
            if but_of is None or (file and not Path(file).is_relative_to(but_of)):
                del sys.modules[name]


def load_appliances(root: Path, name: str | None = None) -> list[Appliance]:
    """Executes the spec of one appliance, or of all, afresh; of several, a default one comes first.
    Raises SpecError."""
    names = appliance_names(root)
    if name is not None and name not in names:
        raise NoProject(f"no appliance {name!r}; specs/appliances has: {', '.join(names)}")
    forget_specs()
    linecache.checkcache()
    importlib.invalidate_caches()
    sys.path.insert(0, str(root))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        found = [_load(root, each) for each in ([name] if name else names)]
        return sorted(found, key=lambda appliance: not appliance.default)
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = written


def _load(root: Path, name: str) -> Appliance:
    file = str(root / "specs" / "appliances" / f"{name}.py")
    try:
        module = importlib.import_module(f"specs.appliances.{name}")
    except SyntaxError as error:
        raise SpecError(
            Span(error.filename or file, error.lineno or 0),
            f"a Python syntax error: {error.msg}",
            "a spec that Python can read",
            "black specs/ shows the place",
        ) from None
    except (ImportError, NameError, TypeError, AttributeError) as error:
        trace, line, where = error.__traceback__, 0, file
        while trace is not None:
            if "specs" in Path(trace.tb_frame.f_code.co_filename).parts:
                where, line = trace.tb_frame.f_code.co_filename, trace.tb_lineno
            trace = trace.tb_next
        raise SpecError(
            Span(where, line),
            str(error),
            "names and arguments that cllm_gen.spec or another spec defines",
            "from cllm_gen.spec.appliance import Appliance",
        ) from None
    appliance = getattr(module, "appliance", None)
    if not isinstance(appliance, Appliance):
        raise SpecError(
            Span(file, 1),
            "no variable `appliance`",
            "one Appliance bound to that name",
            f'appliance = Appliance(name="{name}", ...)',
        )
    return appliance
