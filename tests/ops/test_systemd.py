"""The units of systemd."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.conf import settings

DEPLOY = Path(settings.BASE_DIR, "deploy")
SERVICE, BACKUP, TIMER = "inviting_app.service", "inviting_app-backup.service", "inviting_app-backup.timer"
PATRONI = "ha/patroni.service"


def unit(name: str) -> str:
    path = DEPLOY / name
    if not path.exists():
        pytest.skip(f"{name} is not in this copy of the project")
    return path.read_text()


def limits(text: str) -> list[str]:
    return text[text.index("NoNewPrivileges=") : text.index("UMask=")].splitlines()


def test_backup_has_the_limits_of_the_service() -> None:
    assert limits(unit(BACKUP)) == limits(unit(SERVICE))


@pytest.mark.parametrize("name", [SERVICE, BACKUP])
def test_settings_are_in_env_alone(name: str) -> None:
    """What only a unit knows, another command does not find."""
    assert re.findall(r"^Environment=(.*)$", unit(name), re.MULTILINE) == ["PYTHONDONTWRITEBYTECODE=1"]
    assert "EnvironmentFile=" not in re.sub(r"^#.*$", "", unit(name), flags=re.MULTILINE)


def test_backups_are_written_where_the_unit_may_write() -> None:
    _, _, folder = unit(BACKUP).partition("--keep 14 ")[2].partition("\n")[0].rpartition("/")

    assert folder in unit(BACKUP).partition("StateDirectory=")[2].partition("\n")[0].split()


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    for name in (SERVICE, BACKUP, TIMER, PATRONI):
        # The program and the account are not on this machine.
        text = re.sub("/opt/(inviting_app/.venv/bin/python|patroni/bin/patroni)", "/bin/true", unit(name))
        tmp_path.joinpath(Path(name).name).write_text(re.sub("^(User|Group)=.*$", r"\1=root", text, flags=re.MULTILINE))

    checked = subprocess.run(
        ["systemd-analyze", "verify", *sorted(tmp_path.iterdir())],
        capture_output=True,
        text=True,
        check=False,
    )

    assert (checked.returncode, checked.stderr) == (0, "")
