"""What runs and watches the service. Management commands call it."""
