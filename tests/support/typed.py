"""What people type, and what becomes of it, for the tests of the service and of the page."""

import json
from pathlib import Path
from typing import Any

CASES: dict[str, list[list[Any]]] = json.loads(Path(__file__).with_name("typed.json").read_text())
