"""The composition of the service over HTTP: the console, the API, the OAuth side. Knows every room."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
from fastapi import FastAPI
from starlette.requests import Request
from starlette.routing import BaseRoute

from iam import rotation
from iam.bce import api as register_api
from iam.console import login
from iam.console.assets import MOUNT, Assets
from iam.console.pages import errors, goodbye
from iam.console.places import UPLOAD
from iam.console.site import routers
from iam.decisions.api import routes as decision_routes
from iam.decisions.evaluate import DecisionService
from iam.delegation.execute import Door
from iam.delegation.rights import rights_of
from iam.dossiers.execute import DossierDoor
from iam.dossiers.vault import Vault
from iam.kernel.clock import Clock, system_clock
from iam.kernel.identity import Identity
from iam.kernel.ids import PersonId
from iam.people.recognise import recognise
from iam.portals.callers import CHALLENGE, caller
from iam.realms.backchannel import LogoutTokens
from iam.realms.http import make_client
from iam.realms.oidc import KeycloakLogin, Realm
from iam.realms.subject_tokens import SubjectTokens
from iam.settings import Settings, load
from iam.storage import Database, WriteConnection
from iam.tokens import service as tokens
from iam.tokens.api import routes as token_routes
from iam.web import answers, health
from iam.web.middleware import FORM, MULTIPART, EdgePolicy, origin_of, protect
from iam.web.state import Edge, bind

# What a form with a document holds beside the document.
_FIELDS_BYTES = 64 * 1024
OAUTH = ("/oauth2/",)
AUTHZEN = ("/access/",)


def create(
    settings: Settings | None = None,
    *,
    clock: Clock = system_clock,
    http: httpx2.AsyncClient | None = None,
) -> FastAPI:
    """The whole service, ready to serve; nothing is opened before its first request or its start."""
    settings = settings or load()
    db = Database(settings.database_url.get_secret_value())
    outward = http or make_client(settings.keycloak.timeout_seconds)
    realm = Realm(settings.keycloak, outward, settings.fingerprint_keys, clock)
    dossiers = DossierDoor(settings, clock, Vault.of(settings))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await rotation.prepare(settings, db, clock)
        await dossiers.prepare(db)
        await tokens.prepare(settings, db, clock)
        yield
        await outward.aclose()
        await db.close()

    # No generated documentation pages in a running service: they need scripts of others.
    app = FastAPI(title="Habilis", openapi_url=None, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.door = Door(settings, clock)
    app.state.dossiers = dossiers
    bind(app, Edge(database=db, clock=clock, settings=settings, page=errors.page))
    answers.handle(app)
    protect(app, edge_policy(settings), clock)
    app.include_router(health.router({"database": health.database_ping(db)}))
    app.router.routes.extend(_programs(settings, db, clock, realm))
    app.include_router(register_api.router(_portal_calls(db), CHALLENGE, clock))
    login.open_entrance(
        app,
        login.Entrance(
            realm=realm,
            login=KeycloakLogin(realm, settings.issuer),
            logout_tokens=LogoutTokens(realm),
            pages=goodbye.Pages(),
        ),
    )
    for router in routers():
        app.include_router(router)
    app.mount(MOUNT, Assets(), name="static")
    return app


def _programs(settings: Settings, db: Database, clock: Clock, realm: Realm) -> list[BaseRoute]:
    """What relying portals call: tokens and decisions, which read the same query."""

    async def resolve(conn: WriteConnection, identity: Identity) -> PersonId:
        return await recognise(conn, identity, clock)

    subject_tokens = SubjectTokens(realm, db, resolve)
    token_service = tokens.build(settings, db, clock, subject_tokens=subject_tokens, read_rights=rights_of)
    decisions = DecisionService(db=db, clock=clock, issuer=settings.issuer, read_rights=rights_of)
    return [*token_routes(token_service), *decision_routes(decisions)]


def _portal_calls(db: Database) -> register_api.Prove:
    """Whether a request is one of an active portal, by its secret."""

    async def prove(request: Request) -> bool:
        return await caller(db, request.headers.getlist("authorization")) is not None

    return prove


def edge_policy(settings: Settings) -> EdgePolicy:
    """What the edge demands of each path."""
    return EdgePolicy(
        public_url=settings.issuer,
        # a log-out goes on to Keycloak and from there to FAS
        form_targets=(origin_of(settings.keycloak.base_url), origin_of(settings.fas_issuer)),
        own_authentication=(*OAUTH, *AUTHZEN, *login.OWN_AUTHENTICATION),
        media_types={**dict.fromkeys((*OAUTH, *AUTHZEN), ()), UPLOAD: (FORM, MULTIPART)},
        larger_bodies={UPLOAD: settings.policy.dossier_document_bytes + _FIELDS_BYTES},
    )
