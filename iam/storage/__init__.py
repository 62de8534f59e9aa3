"""PostgreSQL: one way to open a transaction, and the types that say whether it may write."""

from iam.storage.engine import DATABASE_ERRORS, Database, ReadConnection, WriteConnection
from iam.storage.oneshot import Read, Row, Write

__all__ = ["DATABASE_ERRORS", "Database", "Read", "ReadConnection", "Row", "Write", "WriteConnection"]
