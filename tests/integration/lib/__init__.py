"""Helpers of the integration tests; see gateway.py for the entry points."""
