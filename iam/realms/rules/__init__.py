"""The rules of the realm lint, each a function of a realm and the environment. Pure."""
