"""The loop of the `backup` container of docker-compose.yml, in a real shell."""

import os
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from inviting_app.env import BASE_DIR

COMPOSE = BASE_DIR / "docker-compose.yml"
# In place of `python`: a command that cleans up when it is told to end.
COMMAND = """#!/bin/sh
trap 'sleep 0.2; echo cleaned; exit 1' TERM
echo began
while :; do sleep 0.05; done
"""


def test_a_stop_waits_until_the_command_has_cleaned_up(tmp_path: Path) -> None:
    if not COMPOSE.exists():
        pytest.skip("docker-compose.yml is not in this copy of the project")
    loop = [part.replace("$$", "$") for part in yaml.safe_load(COMPOSE.read_text())["services"]["backup"]["command"]]
    (tmp_path / "python").write_text(COMMAND)
    (tmp_path / "python").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"

    # In a group of its own, as in the container: tini tells all of them, and ends everything when the shell has ended.
    with subprocess.Popen(loop, env={"PATH": path}, stdout=subprocess.PIPE, text=True, start_new_session=True) as shell:
        assert shell.stdout and shell.stdout.readline() == "began\n"
        os.killpg(shell.pid, signal.SIGTERM)
        shell.wait(20)
        os.set_blocking(shell.stdout.fileno(), False)

        assert shell.stdout.read() == "cleaned\n"
