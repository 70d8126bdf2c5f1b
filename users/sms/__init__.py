"""SMS: what they say, the gateways that take them, and what became of each."""
