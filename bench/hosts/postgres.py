"""The database's host: PostgreSQL for passwords on the network, run as `python -m bench.hosts.postgres FOLDER`.

It is a process because a network namespace belongs to a process. It stops PostgreSQL when it is told to stop.
"""

import signal
import sys
from pathlib import Path

from bench.hosts.network import DATABASE, NETWORK
from inviting_app.ops import embedded

PORT = 5432
ONLY_WITH_PASSWORD = f"host all inviting_app {NETWORK}.0/24 scram-sha-256\n"


def main(folder: Path) -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    embedded.OPTIONS |= {"listen_addresses": DATABASE, "port": str(PORT), "max_connections": "200"}
    server = embedded.Embedded(folder)
    with server.running():
        rules = server.cluster / "pg_hba.conf"
        rules.write_text(rules.read_text() + ONLY_WITH_PASSWORD)
        server.process.send_signal(signal.SIGHUP)  # type: ignore[union-attr]
        print("ready", flush=True)
        signal.pause()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
