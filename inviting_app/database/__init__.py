"""Django's PostgreSQL backend, for a server that may fall silent, or be replaced by another one."""
