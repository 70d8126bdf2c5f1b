"""The service on several hosts: network namespaces of this machine, joined by a bridge."""
