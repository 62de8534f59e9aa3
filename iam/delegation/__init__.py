"""The heart: the catalogue of roles, the offices, the grants, the requests, and the one door to them."""
