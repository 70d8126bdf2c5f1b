"""SMS: texts, gateways, deliveries and the queue."""
