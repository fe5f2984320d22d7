"""Makes the suites that unit and integration tests share importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
