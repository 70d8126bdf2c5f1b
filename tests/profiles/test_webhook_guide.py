"""The receivers of docs/webhooks.md, as they stand there, get what the service sends."""

import json
import os
import shutil
import signal
import socket
import subprocess
from http.server import HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from profiles.models import WebhookDelivery
from profiles.webhooks import endpoints, posting
from profiles.webhooks.answers import Answer
from tests.contract.commands import CLIENTS, MODULES, run
from tests.support.guide import sample
from tests.support.webhooks import LOOPBACK, deliver, endpoint, secret_of
from users import events

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def allowed(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_ADDRESSES = LOOPBACK


def statuses() -> list[tuple[str, int | None]]:
    return list(WebhookDelivery.objects.order_by("pk").values_list("state", "status"))


def test_python_receiver(monkeypatch: pytest.MonkeyPatch) -> None:
    target = endpoint("http://127.0.0.1:9/")
    monkeypatch.setenv("WEBHOOK_SECRET", secret_of(target))
    monkeypatch.setenv("EVENTS", ":memory:")
    names: dict[str, Any] = {"__name__": "receiver"}
    exec(sample("receiver.py", "webhooks.md"), names)
    monkeypatch.setattr(names["Receiver"], "log_message", lambda *_: None)
    with HTTPServer(("127.0.0.1", 0), names["Receiver"]) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        type(target).objects.update(url=f"http://127.0.0.1:{server.server_port}/")
        events.emit("user.erased", {"user_id": 5})
        events.emit("user.verified", {"user_id": 6})
        deliver()
        endpoints.send_again(WebhookDelivery.objects.values_list("pk", flat=True))
        deliver()
        forged = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        refused = posting.begin(f"http://127.0.0.1:{server.server_port}/", forged, b"{}").result(10)
        server.shutdown()
        thread.join()

    rows = names["events"].execute("SELECT type, data FROM event ORDER BY sequence").fetchall()
    assert rows == [("user.erased", "{'user_id': 5}"), ("user.verified", "{'user_id': 6}")]
    assert statuses() == [("delivered", 204), ("delivered", 204)]
    assert refused == Answer(401)
    names["events"].close()


def compiled(folder: Path) -> Path:
    """The receiver as JavaScript, checked by the TypeScript compiler."""
    (folder / "node_modules").symlink_to(MODULES)
    for name in ("package.json", "tsconfig.json"):
        shutil.copy(CLIENTS / name, folder)
    (folder / "receiver.ts").write_text(sample("receiver.ts", "webhooks.md"))
    options = {"extends": "./tsconfig.json", "compilerOptions": {"types": ["node"]}, "files": ["receiver.ts"]}
    (folder / "tsconfig.receiver.json").write_text(json.dumps(options))
    run(MODULES / ".bin" / "tsc", "--project", "tsconfig.receiver.json", cwd=folder)
    return folder / "built" / "receiver.js"


@pytest.mark.long
@pytest.mark.skipif(not (MODULES / "standardwebhooks").exists(), reason="needs npm ci in tests/contract/clients")
def test_typescript_receiver(tmp_path: Path) -> None:
    target = endpoint("http://127.0.0.1:9/")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    variables = {**os.environ, "PORT": str(port), "WEBHOOK_SECRET": secret_of(target)}
    program = ["node", str(compiled(tmp_path))]
    with subprocess.Popen(program, env=variables, stdout=subprocess.PIPE, text=True) as process:
        url = f"http://127.0.0.1:{port}/"
        while posting.begin(url, {}, b"").result(10) != Answer(401):
            assert process.poll() is None
        type(target).objects.update(url=url)
        events.emit("user.erased", {"user_id": 5})
        deliver()
        endpoints.send_again(WebhookDelivery.objects.values_list("pk", flat=True))
        deliver()
        process.send_signal(signal.SIGTERM)
        printed, _ = process.communicate(timeout=10)

    assert printed == f'user.erased {WebhookDelivery.objects.get().pk} {{"user_id":5}}\n'
    assert statuses() == [("delivered", 204)]
