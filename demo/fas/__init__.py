"""The stand-in for the federal authentication service (FAS): an OpenID provider with its habits.

It checks nobody's identity. It exists so that the demo and the tests can run a real Keycloak against a
broker that speaks as FAS does, and that misbehaves when it is told to.
"""
