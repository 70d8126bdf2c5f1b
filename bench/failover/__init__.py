"""Failover: hosts of a PostgreSQL cluster die, hang or are cut off while virtual users are at work.

`python -m bench.failover [FAULT...]`. Each host is a network namespace on this machine. The three database hosts run
etcd, Patroni and PostgreSQL with the files of deploy/ha, at the addresses of these files; only folders are others. The
service runs beside them with `manage.py serve`, and reaches the primary by a URL of all hosts, through HAProxy, or
through PgBouncer and HAProxy.

It needs root, and etcd, HAProxy, PgBouncer, curl, iproute2 and util-linux: on Debian, apt install etcd-server
etcd-client haproxy pgbouncer curl; rsync too for --recovery. Patroni is installed into .venv-failover at the first run.
A run of one fault takes a minute and a half.
Everything is on one machine: a host that is killed loses its processes, not its disk, and all share the processors.
"""
