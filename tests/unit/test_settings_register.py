"""Where extracts come from is set, or refused by the name of the setting, and no credential is ever shown."""

import secrets
from pathlib import Path

import pytest
from pydantic import ValidationError

from iam.settings import FolderSource, PortalSource, SftpSource, variable
from tests.support.settings import some_settings

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEmKqlR7eQhdNjRYYyYqlHCM2mFDzUfJrK7xP1bRD5Gy"
PASSWORD = secrets.token_hex(6)
SFTP = {
    "KIND": "sftp", "HOST": "sftp.example", "USERNAME": "habilis", "PASSWORD": PASSWORD,
    "HOST_KEYS": f'["{KEY}"]', "WORK_FOLDER": "/var/lib/habilis/fetch",
}  # fmt: skip
PORTAL = {
    "KIND": "portal",
    "USERNAME": "habilis",
    "PASSWORD": PASSWORD,
    "WORK_FOLDER": "/var/lib/habilis/fetch",
}
FOLDER = {"KIND": "folder", "FOLDER": "/srv/bce", "WORK_FOLDER": "/var/lib/habilis/fetch"}


@pytest.fixture
def told(monkeypatch):
    def set_all(source, **more):
        for name, value in source.items():
            monkeypatch.setenv(f"HABILIS_REGISTER__SOURCE__{name}", value)
        for name, value in more.items():
            monkeypatch.setenv(f"HABILIS_{name}", value)
        return some_settings().of_register

    return set_all


def faults(told, source, **more):
    with pytest.raises(ValidationError) as caught:
        told(source, **more)
    assert PASSWORD not in str([error["msg"] for error in caught.value.errors()])
    return [(variable(error["loc"]), error["msg"]) for error in caught.value.errors()]


def test_without_a_source_nothing_is_fetched(told):
    assert told({}).source is None


def test_a_limit_of_the_importers_is_none_of_its_business(told):
    assert told({}, REGISTER__BAD_SHARE="0.5").source is None


def test_each_kind_has_what_it_needs_and_defaults_for_what_is_not_promised(told):
    sftp = told(SFTP).source

    assert isinstance(sftp, SftpSource)
    assert (sftp.port, sftp.folder, sftp.host_keys, sftp.keep_files) == (22, ".", (KEY,), 3)
    assert sftp.work_folder == Path("/var/lib/habilis/fetch")


def test_the_portal_is_the_official_site_unless_told_otherwise(told):
    portal = told(PORTAL).source

    assert isinstance(portal, PortalSource)
    assert portal.base_url == "https://kbopub.economie.fgov.be/kbo-open-data/"
    assert (portal.username_field, portal.password_field) == ("j_username", "j_password")


def test_a_folder_is_enough(told):
    assert isinstance(told(FOLDER).source, FolderSource)


def test_no_credential_is_shown(told):
    assert PASSWORD not in repr(told(SFTP))


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ({**SFTP, "PASWORD": "x"}, "HABILIS_REGISTER__SOURCE__PASWORD"),
        ({name: value for name, value in SFTP.items() if name != "HOST_KEYS"}, "HABILIS_REGISTER__SOURCE__HOST_KEYS"),
        ({name: value for name, value in PORTAL.items() if name != "USERNAME"}, "HABILIS_REGISTER__SOURCE__USERNAME"),
        ({**PORTAL, "HOST": "x"}, "HABILIS_REGISTER__SOURCE__HOST"),
        ({**FOLDER, "KEEP_FILES": "0"}, "HABILIS_REGISTER__SOURCE__KEEP_FILES"),
        ({"KIND": "pigeon"}, "HABILIS_REGISTER__SOURCE"),
    ],
)  # fmt: skip
def test_what_is_missing_or_unknown_is_named_as_it_is_set(told, source, name):
    assert [each for each, _ in faults(told, source)] == [name]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({**SFTP, "KEY": "k"}, "either a PASSWORD or a KEY"),
        ({**SFTP, "HOST_KEYS": '["SHA256:abc"]'}, "HOST_KEYS"),
        ({**SFTP, "HOST_KEYS": "[]"}, "at least 1 item"),
        ({**SFTP, "PASSWORD": "${BCE_PASSWORD}"}, "HABILIS_REGISTER__SOURCE__PASSWORD is a placeholder"),
        ({**PORTAL, "PASSWORD": "changeme"}, "HABILIS_REGISTER__SOURCE__PASSWORD is a placeholder"),
        ({**PORTAL, "BASE_URL": "http://portal.example/"}, "must be an https address"),
        ({**FOLDER, "WORK_FOLDER": "/srv/bce"}, "must not be the same"),
    ],
)
def test_what_would_be_unsafe_is_refused(told, source, words):
    [(_, message)] = faults(told, source)

    assert words in message


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        ({"TIMES": "[]"}, "TIMES or EVERY_MINUTES"),
        ({"TIMES": '["06:30"]', "EVERY_MINUTES": "60"}, "either TIMES or EVERY_MINUTES"),
        ({"TIMES": '["25:00"]'}, "hour"),
        ({"JITTER": "2"}, "less than or equal"),
    ],
)
def test_a_schedule_is_one_thing_or_the_other(told, schedule, words):
    [(_, message)] = faults(
        told, {}, **{f"REGISTER__SCHEDULE__{name}": value for name, value in schedule.items()}
    )

    assert words in message
