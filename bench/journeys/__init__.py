"""Whole sign-ins of the service and of what people would pick instead."""
