"""HTTP plumbing: problems, transactions, idempotency, headers, the origin check, health, the log."""
