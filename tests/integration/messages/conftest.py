from collections.abc import Iterator

import pytest
from tests.integration.messages.troubled_s3 import TroubledS3


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[TroubledS3]:
    """A store of this test alone, in good health so far."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    server = TroubledS3()
    server.make_bucket()
    yield server
    server.stop()
