"""`habilis bce`: applying extracts and feeds, looking at what was set aside.

Exit codes: 0 applied, or nothing to do; 2 wrong use; 3 refused (not ours to apply now); 4 rejected (bad
content); 5 halted, a person must look; of `fetch` also 6 the source is away, and 7 the source is not to be
believed, a person must look. One module a subject; each registers its commands on `app`.
"""

from iam.bce.cli import extracts, fetch, functions, generate, renumber, rules, show, status
from iam.bce.cli.base import app

__all__ = ["app", "extracts", "fetch", "functions", "generate", "renumber", "rules", "show", "status"]
