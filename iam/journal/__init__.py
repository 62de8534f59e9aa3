"""The one append-only record: for audit and for delivery alike (DESIGN 5, ADR 0004)."""
