"""The schema, by Alembic only. Run with `habilis db upgrade`, `habilis db check`."""

import importlib
from pathlib import Path
from pkgutil import iter_modules

from alembic.config import Config

import iam

_HERE = Path(__file__).parent


def config(url: str) -> Config:
    """Alembic's configuration for one database; `url` is a libpq URL."""
    made = Config()
    made.set_main_option("script_location", str(_HERE))
    made.attributes["url"] = url
    return made


def load_tables() -> None:
    """Every slice's tables are known to the metadata, those of its folders too."""
    home = Path(iam.__path__[0])
    for package in iter_modules(iam.__path__):
        for tables in (home / package.name).rglob("tables.py") if package.ispkg else ():
            importlib.import_module(".".join(("iam", *tables.relative_to(home).with_suffix("").parts)))
