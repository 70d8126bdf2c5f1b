"""The tests' settings, whatever the shell or a `.env` says: loaded as a plugin before Django's settings are."""

import gc
import os
import re
import tempfile
from pathlib import Path

gc.set_threshold(100_000)  # at Python's own, a tenth of the time goes into looking for garbage

_source = Path(__file__).parents[2].joinpath("inviting_app", "env.py").read_text()

# Every variable that the service reads.
NAMES = set(re.findall(r'read\("([A-Z_]+)"', _source))

# Whether tests of what is drawn at random try as much as an hour of CI allows, rather than what minutes allow.
THOROUGH = "THOROUGH" in os.environ

for name in NAMES - {"DATABASE_URL"}:
    os.environ[name] = ""  # not unset, because `.env` would then count
os.environ.setdefault("DATABASE_URL", "")

# A folder that root's PostgreSQL, which runs as another user, gets through to.
_folder = tempfile.TemporaryDirectory(prefix="inviting_app-tests-")
os.chmod(_folder.name, 0o755)
os.mkdir(os.path.join(_folder.name, "static"))

# A folder that all processes of one run share.
TEMPLATE = Path(os.environ.setdefault("TEMPLATE_OF_TESTS", _folder.name))

os.environ["DATA_DIR"] = _folder.name
os.environ["SECRET_KEY"] = "a key for the tests, known to everybody who reads this line"
