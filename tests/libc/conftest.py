import pytest

from tests.libc import freestanding


@pytest.fixture(scope="session")
def subset(tmp_path_factory):
    return freestanding.library(tmp_path_factory.mktemp("libc"))
