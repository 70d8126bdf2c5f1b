"""What people would pick instead, each set up as its documents advise, with its own dependencies and database.

The modules here, except this one, run in an environment of their own (.venv-peers) and import nothing of the service.
bench/journeys/peers.py installs and starts them.
"""
