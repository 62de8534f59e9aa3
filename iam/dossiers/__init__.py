"""The manual dossier: who represents an enterprise by papers, where no register tells it (DOMAIN nr 18)."""
