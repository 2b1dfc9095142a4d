"""Pages name files that are there, link to headings that are there, and have lines that fit a screen."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.native import ROOT
from tests.style.test_style import tracked

COLUMNS = 120
PAGES = [name for name in tracked("*.md") if "generated/" not in name and "/golden/" not in name]
WRITTEN_BY_READERS = {"specs/api/count.py", "kernel_static/api/count.c"}
"""In the README's session."""

LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)")
FILE = re.compile(r"`((?!\S*NAME)[a-z][\w/.]*\.(?:py|c|h|S|ld|lark|sh))`")


def anchors(page: Path) -> set[str]:
    """What links to a page's headings may be: as GitHub and others make them of the headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    path = ROOT / page
    for file, heading in LINK.findall(path.read_text("utf-8")):
        target = path.parent / file if file else path
        assert target.exists(), file
        assert not heading or heading in anchors(target), f"{file}#{heading}"


@pytest.mark.parametrize("page", PAGES)
def test_files_are_there(page):
    """From the root, or from the page's own folder."""
    named = set(FILE.findall((ROOT / page).read_text("utf-8"))) - WRITTEN_BY_READERS
    folders = (ROOT, (ROOT / page).parent)
    assert [each for each in named if not any((folder / each).exists() for folder in folders)] == []


@pytest.mark.parametrize("page", PAGES)
def test_lines_fit(page):
    """All but rows of tables."""
    lines = (ROOT / page).read_text("utf-8").splitlines()
    assert [each for each in lines if len(each) > COLUMNS and not each.startswith("|")] == []


def test_the_pages_are_seen():
    assert {"README.md", "specs/README.md", "kernel_static/README.md"} <= set(PAGES)
