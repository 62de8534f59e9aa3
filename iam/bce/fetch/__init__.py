"""Fetching extracts from where they are published, and applying them in their order (ADR 0013).

A source lists and gives files; the work folder keeps them; the plan says which comes next; what is fetched
is applied by the same function as `habilis bce import`.
"""
