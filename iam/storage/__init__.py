"""PostgreSQL: one way to open a transaction, and the types that say whether it may write."""

from iam.storage.engine import Database, ReadConnection, WriteConnection

__all__ = ["Database", "ReadConnection", "WriteConnection"]
