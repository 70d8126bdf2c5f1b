"""Attacks on sign-in, as strangers play them over HTTP; `bench/attack.py` runs them and prints what they won."""
