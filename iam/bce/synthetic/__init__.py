"""A made-up country in the official file formats, at any size: extracts, daily updates, feeds of functions.

Everything is a pure function of the seed: the same arguments give the same bytes. Nothing in it is real but
municipalities and official codes; national numbers are nobody's.

A folder made for D days holds, n being the number of the first extract:

- `KboOpenData_<n>_<date>_Full.zip`, and `functions_<n>_full.jsonl`;
- for each day d of D: `KboOpenData_<n+d>_<date>_Update.zip` and `functions_<n+d>_update.jsonl`; where it is
  asked for, of each day or of the last, a full extract and full feed of the same number and state as well.

What an update says of an enterprise that is gone is as little as the official ones do (DOMAIN 3.5):
`enterprise_delete` and `denomination_delete` name it, the others mostly do not, and of its establishment
units nothing is said. What moved to another enterprise is in `establishment_delete` and `_insert`, and keeps
the names, address, contacts and activities of which the update says nothing. So the state after an update is:
per file, all rows of the keys in `_delete` gone, then the rows of `_insert` there; then the units whose
enterprise is not there, and all rows about what is not there, gone.

The feeds are JSON Lines. The first line is

    {"feed": "functions", "version": 1, "number": n, "kind": "full" | "update", "producedAt": instant,
     "functions": how many lines follow}

A further line of a full feed is a function. A further line of an update is an enterprise whose functions are
others than they were, with all the functions it has now, in the shape they have in a full feed without
`enterpriseNumber`; none when it is gone:

    {"enterpriseNumber": "1100000091", "functions": [{"function": "XADMI", "holder": {"ssin": "..."},
     "from": "2015-04-01", "to": null}]}

An enterprise that an update does not name has the functions it had. Updates apply in the order of their
numbers, each on the one before.
"""

from iam.bce.synthetic.write import Made, Plan, generate

__all__ = ["Made", "Plan", "generate"]
