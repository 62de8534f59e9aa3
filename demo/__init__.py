"""A small Wallonia on one machine: the starter, its parts, its people. Never in a production image."""
