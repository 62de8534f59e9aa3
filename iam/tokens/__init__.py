"""The OAuth side: mandate tokens for relying portals. One module per RFC."""
