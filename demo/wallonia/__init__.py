"""A small Wallonia in the official file formats: two full extracts, functions, appointments.

Everything is made from `enterprises.toml` and the personas, the same on every machine but for the
instant at which the feed of functions says it was made.
"""

from demo.wallonia.source import Enterprise, enterprises
from demo.wallonia.write import Wallonia, write, write_folder

__all__ = ["Enterprise", "Wallonia", "enterprises", "write", "write_folder"]
