"""For Starlette and FastAPI: the mandate of a request, or an answer as RFC 6750 wants it.

from fastapi import Depends
from habilis_portal.starlette import RequireMandate

require = RequireMandate(verifier, role="primes.deposer")

@app.get("/dossiers")
async def dossiers(mandate: Mandate = Depends(require)): ...
"""

from starlette.exceptions import HTTPException
from starlette.requests import Request

from habilis_portal.errors import InvalidMandate, KeysUnavailable
from habilis_portal.mandate import Mandate
from habilis_portal.verifier import AsyncVerifier


class RequireMandate:
    """A dependency: the verified mandate of the request's bearer token.

    With `role`, it must be held; with `enterprise_parameter`, the mandate must be for the enterprise
    named by that parameter of the path. Raises HTTPException: 401 without a valid token, 403 without
    the right, 503 while the keys cannot be had.
    """

    def __init__(
        self, verifier: AsyncVerifier, *, role: str | None = None, enterprise_parameter: str | None = None
    ) -> None:
        """Remember what is required."""
        self._verifier = verifier
        self._role = role
        self._enterprise_parameter = enterprise_parameter

    async def __call__(self, request: Request) -> Mandate:
        """The mandate."""
        mandate = await self._mandate(request)
        if self._role is not None and not mandate.has_role(self._role):
            raise _forbidden()
        if self._enterprise_parameter is not None:
            number = request.path_params.get(self._enterprise_parameter)
            if not isinstance(number, str) or not mandate.acts_for(number):
                raise _forbidden()
        return mandate

    async def _mandate(self, request: Request) -> Mandate:
        headers = request.headers.getlist("authorization")
        scheme, _, token = headers[0].partition(" ") if len(headers) == 1 else ("", "", "")
        if scheme.lower() != "bearer" or not token:
            # RFC 6750 §3.1: who sent no credentials gets no error code
            raise HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
        try:
            return await self._verifier.verify(token.strip())
        except InvalidMandate as error:
            challenge = f'Bearer error="invalid_token", error_description="{error.code}"'
            raise HTTPException(401, headers={"WWW-Authenticate": challenge}) from error
        except KeysUnavailable as error:
            raise HTTPException(503, headers={"Retry-After": "5"}) from error


def _forbidden() -> HTTPException:
    return HTTPException(403, headers={"WWW-Authenticate": 'Bearer error="insufficient_scope"'})
