"""What one can do at this portal. The same démarches are registered by `demo/portals.toml`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Demarche:
    """Something to do here. Without roles it is personal; `level` is the figure of the login it wants."""

    code: str
    roles: tuple[str, ...] = ()
    level: int = 400

    @property
    def is_personal(self) -> bool:
        return not self.roles

    @property
    def path(self) -> str:
        return f"/demarches/{self.code}"


DEMARCHES = {
    each.code: each
    for each in (
        Demarche(code="prime-energie"),
        Demarche(code="primes-investissement", roles=("primes.deposer",)),
        Demarche(code="permis-environnement", roles=("permis.deposer",)),
        Demarche(code="declaration-aides", roles=("aides.signer",), level=500),
    )
}
