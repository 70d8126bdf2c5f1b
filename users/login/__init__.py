"""Signing in: codes, their limits, devices and tokens."""
