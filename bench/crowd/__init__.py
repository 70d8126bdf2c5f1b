"""A crowd that signs up within one minute and votes."""
