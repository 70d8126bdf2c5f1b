"""Django's PostgreSQL backend, with less to do for each request and each statement."""

# The application_name of web processes in `pg_stat_activity`.
WEB = "inviting_app web"
