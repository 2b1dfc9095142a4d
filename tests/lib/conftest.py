import pytest

from tests.lib import freestanding


@pytest.fixture(scope="session")
def subset(tmp_path_factory):
    return freestanding.library(tmp_path_factory.mktemp("libc"))
