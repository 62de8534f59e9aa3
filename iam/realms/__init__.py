"""Keycloak seen from our side: the realm's files, logins, sessions, assurance, what was projected there."""
