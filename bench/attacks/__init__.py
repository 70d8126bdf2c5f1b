"""Attacks on sign-in over HTTP. `bench/attack.py` runs them and prints the results."""
