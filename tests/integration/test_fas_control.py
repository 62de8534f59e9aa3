"""The stand-in misbehaves when it is told to, and only then."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from demo.fas.keys import Keys, load_or_make
from demo.fas.settings import BadSettings, from_environment
from tests.support.fas import CONTROL, FasClock, LocalFas

pytestmark = pytest.mark.anyio

LEVEL = "urn:be:fedict:iam:fas:Level"
GOOD = {
    "FAS_PORT": "8700",
    "FAS_CLIENT_ID": "monespace-keycloak",
    "FAS_CLIENT_SECRET": "s" * 32,
    "FAS_REDIRECT_URI": "http://127.0.0.1:8080/realms/monespace/broker/fas/endpoint",
    "FAS_CONTROL_SECRET": "c" * 32,
    "FAS_STATE_DIR": "state",
    "FAS_PERSONAS": "demo/personas.toml",
    "FAS_ALLOWED_ORIGINS": "http://127.0.0.1:8600 http://localhost:8601",
}


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    return load_or_make(tmp_path_factory.mktemp("fas-keys"))


@pytest.fixture
async def fas(keys: Keys, tmp_path: Path) -> AsyncIterator[LocalFas]:
    one = LocalFas(keys=keys, clock=FasClock(), folder=tmp_path)
    yield one
    await one.http.aclose()


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": CONTROL}])
async def test_only_who_knows_the_secret_may_tell_it(fas: LocalFas, header):
    answer = await fas.http.post("/control", json={"acr": "none"}, headers=header)
    assert answer.status_code == 401
    identity, _ = await fas.claims(await fas.log_in("karim:eid"))
    assert identity["acr"] == f"{LEVEL}500"


async def test_no_acr(fas: LocalFas):
    await fas.control(acr="none")
    identity, _ = await fas.claims(await fas.log_in("karim:eid"))
    assert "acr" not in identity
    assert "amr" not in identity


async def test_a_weaker_acr_than_asked(fas: LocalFas):
    await fas.control(acr=f"{LEVEL}400")
    identity, _ = await fas.claims(await fas.log_in("karim:eid", acr_values=f"{LEVEL}500"))
    assert identity["acr"] == f"{LEVEL}400"


async def test_another_subject_and_another_number_for_one_persona_only(fas: LocalFas):
    before, _ = await fas.claims(await fas.log_in("karim:eid"))
    await fas.control(persona="karim", generation=1, egovNRN="71200000306")
    after, told = await fas.claims(await fas.log_in("karim:eid", prompt="login"))
    assert after["sub"] != before["sub"]
    assert told["sub"] == after["sub"], "the two answers agree about who it is"
    assert told["egovNRN"] == "71200000306"
    _, other = await fas.claims(await fas.log_in("luc:eid", prompt="login"))
    assert other["egovNRN"] == "58000000549"


async def test_claims_left_out(fas: LocalFas):
    await fas.control(persona="karim", without=["prefLanguage"])
    _, told = await fas.claims(await fas.log_in("karim:eid"))
    assert "prefLanguage" not in told
    assert told["givenName"] == "Karim"


async def test_down_for_everybody_and_up_again(fas: LocalFas):
    await fas.control(down=True)
    answer = await fas.authorize()
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "60"
    assert "ne répond pas" in answer.text
    assert (await fas.http.get("/health")).status_code == 200
    await fas.http.delete("/control", headers={"Authorization": f"Bearer {CONTROL}"})
    assert (await fas.authorize()).status_code == 200


async def test_down_for_one_persona(fas: LocalFas):
    await fas.control(persona="karim", down=True)
    assert (await fas.log_in("karim:eid")).status_code == 503
    assert (await fas.log_in("luc:eid")).status_code == 303


async def test_the_truth_again(fas: LocalFas):
    assert (await fas.control(persona="karim", acr="none")).json() == {"misbehaving": ["karim"]}
    assert (await fas.control(persona="karim")).json() == {"misbehaving": []}


@pytest.mark.parametrize(
    "how",
    [
        {"persona": "nobody"},
        {"acr": 500},
        {"egovNRN": "1"},
        {"delaySeconds": 11},
        {"delaySeconds": True},
        {"delaySeconds": -1},
        {"down": "yes"},
        {"generation": -1},
        {"without": "egovNRN"},
        {"unheardOf": 1},
    ],
)
async def test_it_refuses_what_it_does_not_understand(fas: LocalFas, how):
    assert (await fas.control(**how)).status_code == 400


async def test_it_refuses_what_is_no_object(fas: LocalFas):
    headers = {"Authorization": f"Bearer {CONTROL}"}
    for body in (b"", b"[]", b"{"):
        assert (await fas.http.post("/control", content=body, headers=headers)).status_code == 400


async def test_the_keys_are_for_their_owner_alone_and_stay(tmp_path: Path):
    first = load_or_make(tmp_path / "state")
    assert {file.stat().st_mode & 0o777 for file in (tmp_path / "state").iterdir()} == {0o600}
    second = load_or_make(tmp_path / "state")
    assert first.public() == second.public()
    assert first.subject("karim", 0) == second.subject("karim", 0)
    assert "d" not in first.public()["keys"][0]


async def test_good_settings():
    settings = from_environment(GOOD)
    assert settings.issuer == "http://127.0.0.1:8700/fas/oauth2"
    assert settings.origins == {"http://127.0.0.1:8600", "http://localhost:8601"}
    assert "s" * 32 not in repr(settings)


@pytest.mark.parametrize("name", [name for name in GOOD if name != "FAS_ALLOWED_ORIGINS"])
async def test_it_does_not_start_without(name):
    with pytest.raises(BadSettings, match=name):
        from_environment({**GOOD, name: " "})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FAS_PORT", "http"),
        ("FAS_CLIENT_SECRET", "short"),
        ("FAS_CONTROL_SECRET", "short"),
        ("FAS_BASE_URL", "http://127.0.0.1:8700/path"),
        ("FAS_ALLOWED_ORIGINS", "http://example.com"),
        ("FAS_ALLOWED_ORIGINS", "http://127.0.0.1.example.com"),
        ("FAS_ALLOWED_ORIGINS", "ftp://127.0.0.1"),
    ],
)
async def test_it_does_not_start_with(name, value):
    with pytest.raises(BadSettings, match=name):
        from_environment({**GOOD, name: value})


async def test_slow_for_as_long_as_told(fas: LocalFas, monkeypatch):
    waited = []

    async def remember(seconds):
        waited.append(seconds)

    monkeypatch.setattr("demo.fas.app.asyncio.sleep", remember)
    await fas.control(delaySeconds=2.5)
    assert (await fas.authorize()).status_code == 200
    assert waited == [2.5]
