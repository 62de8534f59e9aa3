"""Relying portals: who they are, what they may ask for, and how they prove themselves."""
