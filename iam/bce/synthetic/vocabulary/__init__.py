"""Words and weights of the made-up country: towns and codes are facts, names and streets are ours."""
