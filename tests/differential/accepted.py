"""The differences that are meant: the run reads them, and specs/api/DIFFERENCES.md is written from them."""

from tests.differential.accept import Chapter

CHAPTERS: tuple[Chapter, ...] = ()
