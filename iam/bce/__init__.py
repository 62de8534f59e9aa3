"""The register of enterprises (BCE/KBO) and of who represents them."""
