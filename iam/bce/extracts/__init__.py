"""Applying extracts of the open data, full or update, by one pipeline (ADR 0013).

Files are copied as they are (`copying`), rows are judged in sets (`judging`), it is settled whom each row is
about (`resolving`), what differs is found (`comparing`) and written in one transaction (`merging`). A table
that is still empty is made beside it and put in its place (`building`). `space` is where all this is laid
out, `steps` who does what when.
"""
