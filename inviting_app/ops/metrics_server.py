"""The port that Prometheus reads, METRICS_PORT: never show it to the world.

Each process counts into files of the folder PROMETHEUS_MULTIPROC_DIR, and tries to open the port. The process that has
it answers for all of them. A process without that folder answers for itself.
"""

import logging
import os
import time
from errno import EADDRINUSE
from threading import Thread

from django.conf import settings
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.multiprocess import MultiProcessCollector

from inviting_app.ops import metrics
from inviting_app.ops.metrics_states import States

logger = logging.getLogger(__name__)

# Seconds between two attempts to open a port that another process has.
RETRY_SECONDS = 1.0


def start() -> None:
    """Answer Prometheus from a thread, as soon as the port is free."""
    Thread(target=_serve, name="metrics", daemon=True).start()


def _serve() -> None:
    registry = CollectorRegistry()
    registry.register(States())
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    else:
        registry.register(metrics.registry)
    while True:
        try:
            start_http_server(settings.METRICS_PORT, settings.HOST, registry)
            return
        except OSError as error:
            if error.errno != EADDRINUSE:  # another process of ours has the port
                logger.exception("METRICS_PORT: the port %d cannot be opened", settings.METRICS_PORT)
                return
        time.sleep(RETRY_SECONDS)
