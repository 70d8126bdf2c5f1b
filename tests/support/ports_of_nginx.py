"""Uses up the ports that lead from nginx to a server on another machine, and prints the statuses of the requests.

`tests.support.own_network` runs it. Each argument is a setting of Linux, such as `net.ipv4.tcp_tw_reuse=1`. The last
status is that of the first request that succeeds afterwards, or of one after WAIT_SECONDS.
"""

import socketserver
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from tests.support.own_network import have_addresses
from tests.support.proxies import nginx

# Of the server: not on the loopback network, for which Linux has another default.
ADDRESS = "10.0.0.2"
# By default 28,232 ports, which more requests use up.
PORTS = "net.ipv4.ip_local_port_range=40000 40099"
REQUESTS = 120
# Linux may use the port of an ended connection again after a second. By default it does so after a minute.
WAIT_SECONDS = 3


class Server(socketserver.StreamRequestHandler):
    """Lets nginx end the connection, as it mostly does with gunicorn."""

    def handle(self) -> None:
        self.request.recv(65_536)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        self.request.recv(1)


def status(client: HTTPConnection) -> int:
    client.request("GET", "/livez")
    with client.getresponse() as answer:
        answer.read()
        return answer.status


def main(settings: list[str]) -> None:
    have_addresses(ADDRESS)
    for setting in [PORTS, *settings]:
        name, _, value = setting.partition("=")
        Path("/proc/sys", name.replace(".", "/")).write_text(value)
    server = socketserver.ThreadingTCPServer((ADDRESS, 8000), Server)
    server.daemon_threads = True
    Thread(target=server.serve_forever, daemon=True).start()
    with TemporaryDirectory() as folder, nginx(Path(folder), 8000, server=ADDRESS) as port:
        client = HTTPConnection("localhost", port, timeout=10)
        found = [status(client) for _ in range(REQUESTS)]
        until = time.monotonic() + WAIT_SECONDS
        while (last := status(client)) != 200 and time.monotonic() < until:
            pass
    print(*found, last)


if __name__ == "__main__":
    main(sys.argv[1:])
