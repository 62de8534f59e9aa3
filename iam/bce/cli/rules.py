"""`habilis bce rules`, `habilis bce rules diff`: which function represents; what other rules would mean."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from sqlalchemy.exc import IntegrityError
from typer.core import TyperGroup

from iam.bce import reference
from iam.bce.cli.base import REJECTED, DryRun, Json, app, readable_rules, run, write
from iam.bce.functions.effects import Comparison, as_documents, compare
from iam.bce.functions.rules import load_rules
from iam.bce.reference import Reference
from iam.kernel.clock import system_clock
from iam.storage import Database

_LOAD = "load"


class _LoadsByDefault(TyperGroup):
    """`rules FOLDER` is `rules load FOLDER`: what one does with rules."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put the command there where none was given."""
        if not args or (args[0] not in self.commands and args[0] not in ctx.help_option_names):
            args = [_LOAD, *args]
        return super().parse_args(ctx, args)


rules_app = typer.Typer(
    cls=_LoadsByDefault,
    help="Which function represents. Without a command: load FOLDER, or the shipped rules.",
    no_args_is_help=False,
)
app.add_typer(rules_app, name="rules")

Place = Annotated[Path, typer.Argument(exists=True, help="A folder, or a file as its representation.csv.")]
Limit = Annotated[int, typer.Option(min=0, help="List so many, watched enterprises first; count all.")]
_SHOWN = 1000


@rules_app.command(_LOAD)
def load(
    place: Annotated[Path | None, typer.Argument(exists=True)] = None,
    *,
    dry_run: DryRun = False,
    as_json: Json = False,
    limit: Limit = _SHOWN,
) -> None:
    """Make the rule table what the files of PLACE say, or the shipped ones."""
    new = _read(place)
    if dry_run:
        _tell(_compared(None, new, limit), as_json=as_json)
        return
    try:
        changed = run(lambda db: write(db, lambda conn: load_rules(conn, new, system_clock)))
    except IntegrityError as error:
        typer.echo(str(error.args[0]), err=True)
        raise typer.Exit(REJECTED) from error
    typer.echo(json.dumps({"changed": changed}) if as_json else "changed" if changed else "nothing to change")


@rules_app.command("diff")
def diff(old: Place, new: Place, *, as_json: Json = False, limit: Limit = _SHOWN) -> None:
    """Say who would gain and who would lose if NEW took the place of OLD. Changes nothing.

    Enterprises are told by number, persons by nothing but the id of their function.
    """
    _tell(_compared(_read(old), _read(new), limit), as_json=as_json)


def _read(place: Path | None) -> Reference:
    return reference.read(readable_rules(place))


def _compared(old: Reference | None, new: Reference, limit: int) -> Comparison:
    """The rules against those of the database, where no others are given."""

    async def work(db: Database) -> Any:
        async with db.read() as conn:
            return await compare(conn, old or await reference.loaded(conn), new, system_clock(), show=limit)

    found: Comparison = run(work)
    return found


def _tell(comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(as_documents(comparison)))
        return
    typer.echo(
        f"gain: {comparison.gaining} ({comparison.watched_gaining} in watched enterprises),"
        f" lose: {comparison.losing} ({comparison.watched_losing} in watched enterprises)"
    )
    for each in comparison.shown:
        sign, mark = "+" if each.gains else "-", " watched" if each.watched else ""
        change = f"{each.before.name.lower()} -> {each.after.name.lower()}"
        typer.echo(f"{sign} {each.number.dotted} {each.code} {change} function {each.function}{mark}")
