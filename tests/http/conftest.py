import pytest

from tests.http.harness import Harness, build


@pytest.fixture(scope="session")
def program(tmp_path_factory):
    return build(tmp_path_factory.mktemp("http"))


@pytest.fixture
def http(program):
    harness = Harness(program)
    yield harness
    harness.stop()


@pytest.fixture
def http_with_key(program):
    harness = Harness(program, words="key=sesame,open,x")
    yield harness
    harness.stop()
