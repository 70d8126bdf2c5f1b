"""Run faults: see the package."""

import argparse
import os
import shutil
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from bench import document, failover
from bench.env import measuring, say
from bench.failover import recovery
from bench.failover.cluster import Cluster, install
from bench.failover.env import run
from bench.failover.faults import FAULTS
from bench.failover.network import APART, NEEDED
from bench.failover.ways import WAYS
from inviting_app.ops.programs import die_with_parent
from tests.support.service import service_folder

PAGE = "docs/failures.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=failover.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faults", nargs="*", metavar="FAULT", help=f"of {', '.join(FAULTS)}; all by default")
    parser.add_argument(
        "--recovery", type=int, metavar="PEOPLE", help="instead: recover deleted votes of so many people"
    )
    parser.add_argument("--way", action="append", choices=WAYS, help="to the primary; all by default")
    parser.add_argument("--write", action="store_true", help=f"put the rows into {PAGE}")
    parser.add_argument("--keep-logs", type=Path, metavar="FOLDER", help="copy the logs of all servers there")
    parser.add_argument("--apart", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := set(options.faults) - set(FAULTS):
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    if options.apart:
        sys.argv.remove("--apart")  # from the heading
        return _run(options)
    if reason := _impossible():
        print(f"bench.failover is not possible here: {reason}", file=sys.stderr)
        return 2
    install()
    command = [*APART, sys.executable, "-m", "bench.failover", "--apart", *sys.argv[1:]]
    # Ctrl-C reaches the other process as well, which then ends in order.
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.Popen(command, preexec_fn=die_with_parent(signal.SIGKILL)).wait()


def _impossible() -> str:
    if os.geteuid():
        return "only root can make network namespaces"
    if missing := [program for program in NEEDED if not shutil.which(program)]:
        return f"{', '.join(missing)} not found (see --help)"
    tried = subprocess.run([*APART, "ip", "netns", "add", "db1"], capture_output=True, text=True)
    return tried.stderr.strip() or "namespaces are not allowed" if tried.returncode else ""


def _run(options: argparse.Namespace) -> int:
    rows = []
    with measuring("bench.failover") as (head, stack):
        say(head)
        folder = stack.enter_context(service_folder())
        if options.keep_logs:
            stack.callback(_copy_logs, folder, options.keep_logs)
        with ExitStack() as servers:
            cluster = Cluster(servers, folder)
            if options.recovery:
                text, held = recovery.run(cluster, options.recovery)
                document.show(PAGE, "bench.failover", f"{head}\n\n{text}", is_written=options.write)
                return int(not held)
            for name in options.faults or FAULTS:
                for way in options.way or WAYS:
                    say(f"{name}, {way}")
                    row = run(cluster, FAULTS[name], way)
                    print(*row.lines(), sep="\n", flush=True)
                    if options.write:
                        document.replace_rows(PAGE, row.lines())
                    rows.append(row)
    return int(not all(row.held for row in rows))


def _copy_logs(folder: Path, to: Path) -> None:
    for log in folder.rglob("*.log"):
        target = to / log.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(log, target)


if __name__ == "__main__":
    sys.exit(main())
