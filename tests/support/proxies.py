"""Caddy, nginx and HAProxy with the files of deploy/, in front of a service on this machine.

They serve without TLS, unless `tls` names a file with a certificate for `localhost` and its key.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.support.ports import free_port

DEPLOY = Path(settings.BASE_DIR, "deploy")
START_SECONDS = 20

NGINX_MAIN = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr;
worker_rlimit_nofile {files};
events {{ worker_connections {connections}; }}
http {{
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


def installed(program: str) -> Path:
    """The path of Caddy, which is a package of Python's, or of nginx or HAProxy, which are the system's.

    Skips the test where the program is missing. In CI it is there, or the test fails.
    """
    beside_python = Path(sys.executable).parent
    found = shutil.which(program, path=f"{beside_python}:{os.environ['PATH']}:/usr/sbin")
    if not found and not os.environ.get("CI"):
        pytest.skip(f"{program} is not installed")
    assert found, f"{program} is not installed"
    return Path(found)


@contextmanager
def caddy(
    folder: Path, upstream: int, host: str = "localhost", also: int = 0, tls: Path | None = None
) -> Iterator[int]:
    """deploy/Caddyfile with its two variables, with `also` as a second server. Yields the port of Caddy."""
    port = free_port()
    file = caddy_with_certificate(folder, tls) if tls else DEPLOY / "Caddyfile"
    command: list[str | Path] = [installed("caddy"), "run", "--config", file, "--adapter", "caddyfile"]
    variables = caddy_variables(folder, port, upstream, host)
    if tls:
        variables["SITE_URL"] = f"https://{host}:{port}"
    if also:
        variables |= {"UPSTREAM": f"{variables['UPSTREAM']} 127.0.0.1:{also}", "CHECKS": "checked"}
    with _running(command, port, folder, variables):
        yield port


def caddy_variables(folder: Path, port: int, upstream: int, host: str = "localhost") -> dict[str, str]:
    return {
        "SITE_URL": f"http://{host}:{port}",
        "UPSTREAM": f"127.0.0.1:{upstream}",
        "CADDY_ADMIN": f"unix/{folder}/caddy.sock",
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }


def caddy_with_certificate(folder: Path, tls: Path) -> Path:
    """deploy/Caddyfile with this certificate, and without the listener on port 80 that redirects."""
    text = (DEPLOY / "Caddyfile").read_text()
    for before, after in {
        "{\n\tgrace_period": "{\n\tauto_https off\n\tgrace_period",
        "\n{$SITE_URL:https://invite.example.org} {": f"\n{{$SITE_URL}} {{\n\ttls {tls} {tls}",
    }.items():
        assert before in text
        text = text.replace(before, after)
    file = folder / "Caddyfile"
    file.write_text(text)
    return file


@contextmanager
def nginx(
    folder: Path,
    upstream: int,
    host: str = "localhost",
    also: int = 0,
    connections: int = 2048,
    claimed_by: str = "",
    tls: Path | None = None,
    server: str = "127.0.0.1",
) -> Iterator[int]:
    """deploy/nginx.conf, with `also` as a second upstream. Yields the port on which nginx listens.

    With `claimed_by`, this header tells the client's address, because a test has no other IPv6 addresses. `server` is
    the address of the upstream.
    """
    port = free_port()
    text = nginx_site(port, upstream, host).replace(f"server 127.0.0.1:{upstream}", f"server {server}:{upstream}")
    if also:
        text = re.sub(rf"server 127\.0\.0\.1:{upstream}(.*);", rf"\g<0> server 127.0.0.1:{also}\1;", text)
    site = text.replace("/var/www/html", str(folder))
    if tls:
        site = re.sub(r"/etc/letsencrypt/\S+\.pem", str(tls), site)
    else:
        lines = site.splitlines(keepends=True)
        site = "".join(line for line in lines if not line.lstrip().startswith("ssl_")).replace(" ssl http2", "")
    if claimed_by:
        site += f"set_real_ip_from 127.0.0.0/8;\nreal_ip_header {claimed_by};\n"
    with _running([installed("nginx"), *nginx_arguments(folder, site, connections)], port, folder, {}):
        yield port


def nginx_site(port: int, upstream: int, host: str = "localhost") -> str:
    """deploy/nginx.conf on the loopback address."""
    text = (DEPLOY / "nginx.conf").read_text()
    for before, after in {
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "listen 80;": f"listen 127.0.0.1:{free_port()};",
        "server 127.0.0.1:8000": f"server 127.0.0.1:{upstream}",
        "invite.example.org": host,
    }.items():
        assert before in text
        text = text.replace(before, after)
    return "".join(line for line in text.splitlines(keepends=True) if "listen [::]" not in line)


def nginx_arguments(folder: Path, site: str, connections: int = 2048) -> list[str | Path]:
    """The arguments that make nginx use this site and write to this folder only."""
    main = folder / "nginx.conf"
    main.write_text(NGINX_MAIN.format(folder=folder, connections=connections, files=2 * connections))
    (folder / "site.conf").write_text(site.replace("/var/lib/nginx", str(folder)))
    return ["-p", folder, "-c", main, "-e", "stderr"]


@contextmanager
def haproxy(folder: Path, upstream: int, host: str = "", also: int = 0, tls: Path | None = None) -> Iterator[int]:
    """deploy/haproxy.cfg, for any host, with `also` as a second server. Yields the port of HAProxy."""
    port = free_port()
    config = folder / "haproxy.cfg"
    text = haproxy_config(f"127.0.0.1:{free_port() if tls else port}", upstream)
    if tls:
        text = text.replace(
            "bind :443 ssl crt /etc/haproxy/invite.example.org.pem", f"bind 127.0.0.1:{port} ssl crt {tls}"
        )
    if also:
        text = re.sub(rf"server web 127\.0\.0\.1:{upstream}(.*)", rf"\g<0>\n    server web-2 127.0.0.1:{also}\1", text)
        text = re.sub(r"(server web-2 .* track inviting_app/web)", r"\1-2", text)
    lines = text.splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "bind :443" not in line and "redirect scheme" not in line))
    with _running([installed("haproxy"), "-db", "-f", config], port, folder, {}):
        yield port


def haproxy_config(address: str, upstream: int) -> str:
    """deploy/haproxy.cfg on this address instead of port 80."""
    text = (DEPLOY / "haproxy.cfg").read_text()
    for before, after in {
        "bind :80": f"bind {address}",
        "127.0.0.1:8000": f"127.0.0.1:{upstream}",
        "abns@inviting_app": f"abns@inviting_app-{address}",
    }.items():
        assert before in text
        text = text.replace(before, after)
    return text


# Proxies that also collect large responses, so that a client that reads slowly holds no thread.
BUFFERING: dict[str, Callable[..., AbstractContextManager[int]]] = {"caddy": caddy, "nginx": nginx}
PROXIES: dict[str, Callable[..., AbstractContextManager[int]]] = {**BUFFERING, "haproxy": haproxy}


@contextmanager
def _running(command: list[str | Path], port: int, folder: Path, variables: dict[str, str]) -> Iterator[None]:
    log = folder / "proxy.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, env={**os.environ, **variables}, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        wait_until_listening(process, port, log)
        yield
    finally:
        process.terminate()
        process.wait(START_SECONDS)


def wait_until_listening(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Raises AssertionError, with the log, if the process ends or takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
