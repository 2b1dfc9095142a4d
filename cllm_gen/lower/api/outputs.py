"""Every output of an API: C per schema file, the router, the handlers' header, and two pages."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from cllm_gen.lower.api import openapi as api_openapi
from cllm_gen.lower.api import page as api_page
from cllm_gen.lower.api import router as api_router
from cllm_gen.lower.api.collect import collect, routes_of
from cllm_gen.lower.api.types import home_blocks, home_includes
from cllm_gen.lower.output import Output
from cllm_gen.source import Span, SpecError
from cllm_gen.spec.api import Api, Surface


def outputs(families: Sequence[Api], folder: str = "api") -> list[Output]:
    """`families` in the surface's order, each one the `api` of a file in specs/api. What is about all
    of them goes to `folder`; schemas, which surfaces share, to api/."""
    routes = routes_of(families)
    tree = api_router.path_tree(routes)
    uses = collect(families)
    specs = [family.span.path for family in families]
    names: dict[str, Span] = {}
    found = []
    for home in uses.homes:
        blocks = home_blocks(home, uses, names)
        context: dict[str, Any] = {
            "home": home.name,
            "path": home.path,
            "includes": home_includes(home),
            "blocks": blocks,
            "nulls": any(item["is_null"] for block in blocks for item in block.get("members", [])),
        }
        found += [
            Output(f"api/{home.name}.{suffix}", f"api_types.{suffix}.j2", context, [home.path])
            for suffix in ("h", "c")
        ]
    shared = {
        "homes": sorted(home.name for home in uses.homes),
        "handlers": api_router.handlers(routes),
        "routes": api_router.route_blocks(routes),
        "nodes": api_router.node_blocks(tree),
        "splits": any(route.pattern.segments for route in routes),
    }
    found.append(Output(f"{folder}/handlers.h", "api_handlers.h.j2", shared, specs))
    found.append(Output(f"{folder}/router.c", "api_router.c.j2", shared, specs))
    found.append(
        Output(
            f"{folder}/openapi.json",
            "api_openapi.json.j2",
            {"document": api_openapi.openapi(families, uses)},
            specs,
        )
    )
    found.append(Output(f"{folder}/api.md", "api_page.md.j2", api_page.page(families), specs))
    return found


def surface_outputs(surfaces: Iterable[Surface]) -> list[Output]:
    """Those of all surfaces, each once, in a folder of its name. Raises SpecError for two of one name."""
    known: dict[str, Surface] = {}
    for each in surfaces:
        if known.setdefault(each.name, each) != each:
            raise SpecError(
                each.span,
                f"a second surface {each.name}, with other families",
                f"a name for each surface; the first is at {known[each.name].span}",
                f'Surface("{each.name}_2", health.api, chat.api)',
            )
    return [
        output
        for name, surface in known.items()
        for output in outputs(surface.families, f"surfaces/{name}/api")
    ]
