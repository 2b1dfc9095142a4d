"""Finds the project root and executes `specs/appliances/*.py` and `specs/metrics/*.py`."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from cllm_gen.source import Span, SpecError
from cllm_gen.spec.appliance import Appliance
from cllm_gen.spec.metric import Metrics, check_metrics


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
    with _imports_from(root):
        found = [_load(root, _appliance, each, Appliance) for each in ([name] if name else names)]
    return sorted(found, key=lambda appliance: not appliance.default)


def load_metrics(root: Path) -> list[Metrics]:
    """Executes the specs of all metrics afresh, in the order of their names: the kernel's C counts by
    them, whichever appliance it is for. Raises SpecError."""
    names = sorted(path.stem for path in (root / "specs" / "metrics").glob("[!_]*.py"))
    forget_specs()
    with _imports_from(root):
        found = [_load(root, _metrics, each, Metrics) for each in names]
    check_metrics(found)
    return found


@contextmanager
def _imports_from(root: Path) -> Iterator[None]:
    """`import specs` means that of this root, and leaves no bytecode there."""
    linecache.checkcache()
    importlib.invalidate_caches()
    sys.path.insert(0, str(root))
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.path.remove(str(root))
        sys.dont_write_bytecode = written


def _appliance(name: str) -> ModuleType:
    return importlib.import_module(f"specs.appliances.{name}")


def _metrics(name: str) -> ModuleType:
    return importlib.import_module(f"specs.metrics.{name}")


def _load(root: Path, run: Callable[[str], ModuleType], name: str, kind: type) -> Any:
    """What the spec of this name, executed by `run`, binds to its noun: `appliance`, `metrics`."""
    noun = kind.__name__.lower()
    folder = "appliances" if kind is Appliance else noun
    file = str(root / "specs" / folder / f"{name}.py")
    try:
        module = run(name)
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
    found = getattr(module, noun, None)
    if not isinstance(found, kind):
        raise SpecError(
            Span(file, 1),
            f"no variable `{noun}`",
            f"one {kind.__name__} bound to that name",
            f'{noun} = {kind.__name__}(name="{name}", ...)',
        )
    return found
