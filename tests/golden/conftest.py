"""Golden files: what an engine renders, byte for byte.

After a change that is meant, `pytest tests/golden --golden-update` writes them anew; the difference is read in review.
"""

from collections.abc import Callable
from pathlib import Path

import pytest

from engineshed.model.request import Request


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--golden-update", action="store_true", help="write the golden files anew instead of comparing")


@pytest.fixture
def matches_golden(request: pytest.FixtureRequest) -> Callable[[Request, str], None]:
    """Compare a rendered request with `tests/golden/<engine>/<name>.json`."""

    def compare(rendered: Request, name: str) -> None:
        path = Path(__file__).parent / rendered.engine / f"{name}.json"
        if request.config.getoption("--golden-update", default=False):
            path.parent.mkdir(exist_ok=True)
            path.write_text(rendered.canonical(), encoding="utf-8")
        assert path.is_file(), f"{path.name} is not there: run pytest tests/golden --golden-update"
        assert rendered.canonical() == path.read_text(encoding="utf-8")

    return compare
