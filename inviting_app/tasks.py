"""The periodic tasks of the project's own app."""

import logging

from procrastinate.contrib.django import app

from inviting_app.ops import certificate

logger = logging.getLogger(__name__)


@app.periodic(cron="41 * * * *")
@app.task(queue="upkeep", priority=1, queueing_lock="look_at_certificate")
def look_at_certificate(timestamp: int) -> None:
    """Look, every hour, until when the certificate of SITE_URL is valid."""
    try:
        found = certificate.look()
    except OSError as error:  # a host may be unable to reach its own public address
        logger.info("the certificate of SITE_URL cannot be seen from here: %s", error)
        return
    if found:
        certificate.remember(found)
