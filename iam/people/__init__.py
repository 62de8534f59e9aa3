"""Persons: who somebody is whatever his number or account, how to reach him, and his sessions (ADR 0005)."""
