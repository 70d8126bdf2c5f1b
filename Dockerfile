FROM python:3.13-slim AS base
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data
WORKDIR /app
# PostgreSQL's programs, which the tests run, need a user with a name.
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /tmp inviting_app

# The base's pip installs into the virtual environment, so that this one has no pip.
FROM base AS packages
COPY requirements.txt ./
RUN python -m venv --without-pip /venv \
    && pip --python /venv/bin/python install --no-cache-dir --require-hashes -r requirements.txt

FROM packages AS tests
# With a read-only root, only /tmp is writable.
ENV HYPOTHESIS_STORAGE_DIRECTORY=/tmp/hypothesis \
    PYTEST_ADDOPTS="-o cache_dir=/tmp/pytest"
COPY requirements-dev.txt ./
RUN pip --python /venv/bin/python install --no-cache-dir --require-hashes -r requirements-dev.txt
COPY . .
RUN chmod -R a+rX .
USER 10001:10001
CMD ["python", "-m", "pytest", "-n", "auto", "--maxprocesses", "8", "--dist", "loadfile", "--no-loadscope-reorder"]

FROM packages AS built
COPY manage.py ./
COPY api api
COPY inviting_app inviting_app
COPY profiles profiles
COPY users users
# The OpenAPI document contains the first, and the page leads to the others.
COPY docs/clients.md docs/verify.py docs/voting.md docs/
# COPY keeps the modes of the checkout, and with a umask of 077 the service could not read its own code.
# A key for this step only: it signs nothing. The real key comes when the service starts.
RUN chmod -R a+rX . && SECRET_KEY=not-used python manage.py collectstatic --noinput

# The last stage is the service: web by default, or the worker or another command of manage.py. The web port is for a
# proxy only: see deploy/Caddyfile.
FROM base
COPY --from=built /venv /venv
COPY --from=built /app /app
COPY --from=built /data /data
# A new volume for backups belongs to the service.
RUN install -d -m 700 -o 10001 -g 10001 /backups
USER 10001:10001
EXPOSE 8000
# Not with urllib, which would use a proxy that the environment names. Long enough for a busy host: `up --wait` gives up on
# a container that is unhealthy.
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["python", "-c", "import http.client as h, os, sys; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT'] or 8000), timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
CMD ["gunicorn", "-c", "inviting_app/ops/gunicorn_conf.py"]
