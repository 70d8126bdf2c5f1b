"""What receivers get: the body of an event, its signatures and the secrets behind them (Standard Webhooks)."""

import base64
import json
from datetime import UTC, datetime
from uuid import UUID

from standardwebhooks import Webhook

from profiles.webhooks.models import WebhookDelivery, WebhookEndpoint
from users import keys


def secret(nonce: UUID) -> str:
    """The secret that this nonce stands for, as a receiver configures it."""
    return _written(keys.webhook_keys(nonce.bytes)[0])


def body(delivery: WebhookDelivery) -> bytes:
    """The same at each try."""
    content = {
        "type": delivery.kind,
        "timestamp": delivery.created_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "sequence": delivery.pk,
        "data": delivery.data,
    }
    return json.dumps(content, separators=(",", ":")).encode()


def headers(delivery: WebhookDelivery, content: bytes, now: datetime) -> dict[str, str]:
    """The headers of a try at this time. There is a signature for each secret that counts then."""
    message_id, sent_at = f"msg_{delivery.message_id.hex}", now.astimezone(UTC)
    signatures = [Webhook(one).sign(message_id, sent_at, content.decode()) for one in _secrets(delivery.endpoint, now)]
    return {
        "content-type": "application/json",
        "user-agent": "inviting_app",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(signatures),
    }


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The present secret first, then the one before. After a change of SECRET_KEY, those of the old key follow."""
    nonces = [endpoint.nonce]
    if endpoint.previous_nonce and endpoint.previous_until and endpoint.previous_until > now:
        nonces.append(endpoint.previous_nonce)
    return [_written(key) for nonce in nonces for key in keys.webhook_keys(nonce.bytes)]


def _written(key: bytes) -> str:
    return f"whsec_{base64.b64encode(key).decode()}"
