"""The settings of the tests, whatever the shell or `.env` says. A plugin that is loaded before Django's settings."""

import gc
import os
import re
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from inviting_app.ops.system_user import is_open, is_root

gc.set_threshold(100_000)  # with Python's default, garbage collection takes a tenth of the time

_source = Path(__file__).parents[2].joinpath("inviting_app", "env.py").read_text()

# Every variable that the service reads.
NAMES = set(re.findall(r'read\("([A-Z_]+)"', _source))

# Whether long tests run too, and random tests for as long as an hour of CI allows.
THOROUGH = "THOROUGH" in os.environ

# Octets of free memory with which all databases of a run are kept in memory.
MEMORY_OF_DATA = 4 * 2**30

for name in NAMES - {"DATABASE_URL"}:
    os.environ[name] = ""  # not unset, because `.env` would then count
os.environ.setdefault("DATABASE_URL", "")

# Another project's settings, and its proxy, would be used otherwise.
os.environ["DJANGO_SETTINGS_MODULE"] = "inviting_app.settings"
os.environ["no_proxy"] = "*"

# A folder that root's PostgreSQL can enter, although it runs as another user.
if is_root() and not is_open(Path(tempfile.gettempdir())):
    os.environ["TMPDIR"] = "/tmp"
    tempfile.tempdir = None


def _folder_of_data() -> str:
    """Where to keep data: in memory if there is enough, because PostgreSQL makes and deletes very many files."""
    memory = "/dev/shm"
    with suppress(OSError):
        if shutil.disk_usage(memory).free > MEMORY_OF_DATA and not os.statvfs(memory).f_flag & os.ST_NOEXEC:
            return memory
    return tempfile.gettempdir()


FOLDER_OF_DATA = _folder_of_data()
_folder = tempfile.TemporaryDirectory(prefix="inviting_app-tests-", dir=FOLDER_OF_DATA)
os.chmod(_folder.name, 0o755)
os.mkdir(os.path.join(_folder.name, "static"))

# A folder that all processes of one run share.
TEMPLATE = Path(os.environ.setdefault("TEMPLATE_OF_TESTS", _folder.name))

os.environ["DATA_DIR"] = _folder.name
os.environ["SECRET_KEY"] = "a key for the tests, known to everybody who reads this line"
