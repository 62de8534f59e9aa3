"""`python -m iam.texts check` says what is missing; `extract ROOM LANGUAGE` prints the entries to fill in."""

import sys

from iam.kernel.language import Language
from iam.texts import tools
from iam.texts.catalogue import TRANSLATIONS

_USAGE = "usage: python -m iam.texts check | extract [ROOM LANGUAGE]\n"


def main(arguments: list[str]) -> int:
    """Print what was asked for; 1 when something is missing or left over, 2 when the command is not known."""
    match arguments:
        case ["check"]:
            problems = [problem for language in TRANSLATIONS for problem in tools.check(language)]
            for path in tools.templates():
                words = tools.unmarked_words(path.read_text(encoding="utf-8"))
                problems += [f"{path.name}: {word!r} is not marked for translation" for word in words]
            sys.stdout.write("".join(f"{problem}\n" for problem in problems))
            return 1 if problems else 0
        case ["extract"]:
            sys.stdout.write("".join(f"{use.place}\t{use.message}\n" for use in tools.uses()))
            return 0
        case ["extract", room, code] if code in set(Language):
            sys.stdout.write(tools.stubs(room, Language(code)))
            return 0
        case _:
            sys.stderr.write(_USAGE)
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
