"""An issuer of mandate tokens for tests of the client library, able to do everything wrong."""

import json
from base64 import urlsafe_b64encode

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

ISSUER = "https://habilis.test"
AUDIENCE = "https://primes.test"


def b64(data):
    return (
        urlsafe_b64encode(data if isinstance(data, bytes) else json.dumps(data).encode())
        .rstrip(b"=")
        .decode()
    )


class Key:
    def __init__(self, kid, alg="ES256"):
        self.kid, self.alg = kid, alg
        self.private = (
            ec.generate_private_key(ec.SECP256R1())
            if alg == "ES256"
            else rsa.generate_private_key(65537, 2048)
        )

    @property
    def document(self):
        kind = jwt.algorithms.ECAlgorithm if self.alg == "ES256" else jwt.algorithms.RSAAlgorithm
        members = kind.to_jwk(self.private.public_key(), as_dict=True)
        members.pop("key_ops", None)
        return {**members, "kid": self.kid, "alg": self.alg, "use": "sig"}

    def sign(self, claims, header=None, payload=None):
        head = {"alg": self.alg, "kid": self.kid, "typ": "at+jwt"} | (header or {})
        head = {name: value for name, value in head.items() if value is not None}
        signed = f"{b64(head)}.{b64(claims if payload is None else payload)}"
        algorithm = jwt.get_algorithm_by_name(self.alg)
        return f"{signed}.{b64(algorithm.sign(signed.encode(), self.private))}"


class Issuer:
    """Keys, claims, and a key endpoint that counts how often it is asked and may be down."""

    def __init__(self, now=1_800_000_000):
        self.now = now
        self.keys = [Key("one")]
        self.fetches = 0
        self.is_down = False
        self.body = None

    def clock(self):
        return self.now

    def answer(self, _request):
        self.fetches += 1
        if self.is_down:
            raise httpx2.ConnectError("down")
        if self.body is not None:
            return httpx2.Response(200, content=self.body)
        return httpx2.Response(200, json={"keys": [key.document for key in self.keys]})

    @property
    def http(self):
        return httpx2.Client(transport=httpx2.MockTransport(self.answer))

    @property
    def async_http(self):
        return httpx2.AsyncClient(transport=httpx2.MockTransport(self.answer))

    def claims(self, **changes):
        made = {
            "iss": ISSUER, "aud": AUDIENCE, "sub": "pairwise", "client_id": "primes",
            "iat": self.now, "nbf": self.now, "exp": self.now + 300, "jti": "a-token",
            "acr": "urn:be:fedict:iam:fas:Level450", "auth_time": self.now - 60,
            "authorization_details": [self.detail()],
        }  # fmt: skip
        made |= changes
        return {name: value for name, value in made.items() if value is not ...}

    def detail(self, **changes):
        made = {
            "type": f"{ISSUER}/authorization-details/mandate",
            "identifier": "1900000069",
            "actions": ["primes.deposer"],
            "locations": [AUDIENCE],
            "mandate": {
                "capacity": "role_holder", "basis": "role_grant", "revision": "abc", "name": "Menuiserie Dupont SRL",
                "roles": [{"code": "primes.deposer", "grant": "g1", "until": "2027-03-31T22:00:00Z"}],
            },
        }  # fmt: skip
        made |= changes
        return {name: value for name, value in made.items() if value is not ...}

    def token(self, header=None, **changes):
        return self.keys[0].sign(self.claims(**changes), header)
