"""The three sources, each against a real server: what they list, how they go on, whom they do not believe."""

import os

import asyncssh
import pytest

from iam.bce.fetch.download import Patience, download
from iam.bce.fetch.folder import FolderSource
from iam.bce.fetch.model import Offered
from iam.bce.fetch.portal import PortalSource
from iam.bce.fetch.sftp import SftpSource
from iam.bce.fetch.source import FileChanged, SourceDistrusted, SourceUnavailable
from iam.bce.fetch.watch import Silent
from iam.bce.fetch.work import WorkFolder
from iam.settings import FolderSource as FolderSettings
from iam.settings import PortalSource as PortalSettings
from iam.settings import SftpSource as SftpSettings
from tests.support.portal_site import own_authority, portal_site
from tests.support.sftp_site import PASSWORD, USER, sftp_site

pytestmark = pytest.mark.anyio

NAME = "KboOpenData_0147_2025_10_12_Update.zip"
DATA = os.urandom(3_000_000)
OTHER = os.urandom(3_000_000)
PATIENCE = Patience(tries=3, pause=0, largest=10_000_000)


async def no_sleep(_seconds):
    return None


class Counting(Silent):
    """Counts what came over the line."""

    def __init__(self):
        self.begun_at = []
        self.bytes = 0

    def downloading(self, name, have, size):
        self.begun_at.append(have)

    def received(self, count):
        self.bytes += count


@pytest.fixture
def there(tmp_path):
    folder = tmp_path / "there"
    folder.mkdir()
    return folder


@pytest.fixture
def work(tmp_path):
    with WorkFolder(tmp_path / "work").locked() as folder:
        yield folder


async def got(source, work, *, offered=None, patience=PATIENCE, watcher=None):
    if offered is None:
        [offered] = (await source.offered()).files
    return await download(source, offered, work, patience, watcher or Counting(), sleep=no_sleep)


def digest(data):
    import hashlib

    return hashlib.sha256(data).digest()


class TestFolder:
    def source(self, there, tmp_path):
        return FolderSource(FolderSettings(kind="folder", folder=there, work_folder=tmp_path / "work"))

    async def test_it_gives_the_zips_whole_and_nothing_else(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        (there / "notes.txt").write_text("x")
        (there / "a folder.zip").mkdir()
        file = await got(self.source(there, tmp_path), work)

        assert file.path.read_bytes() == DATA
        assert (file.size, file.sha256) == (len(DATA), digest(DATA))

    async def test_a_folder_without_a_zip_is_not_the_absence_of_news(self, there, tmp_path):
        with pytest.raises(SourceDistrusted, match="emptyListing"):
            await self.source(there, tmp_path).offered()
        with pytest.raises(SourceDistrusted, match="folder"):
            await self.source(there / "nowhere", tmp_path).offered()

    async def test_a_digest_beside_the_file_is_held(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        (there / f"{NAME}.sha256").write_text(f"{digest(OTHER).hex()}  {NAME}\n")

        with pytest.raises(FileChanged, match="sha256"):
            await got(self.source(there, tmp_path), work)
        assert not work.file(NAME).exists()
        (there / f"{NAME}.sha256").write_text(f"{digest(DATA).hex()}  {NAME}\n")
        assert (await got(self.source(there, tmp_path), work)).sha256 == digest(DATA)

    async def test_a_file_that_is_replaced_after_the_listing_is_noticed(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        [offered] = (await self.source(there, tmp_path).offered()).files
        (there / NAME).write_bytes(DATA[:-5])

        with pytest.raises(FileChanged, match="size"):
            await got(self.source(there, tmp_path), work, offered=offered)
        (there / NAME).unlink()
        with pytest.raises(FileChanged, match="gone"):
            await got(self.source(there, tmp_path), work, offered=offered)

    async def test_a_file_that_grows_while_it_is_read_is_not_taken(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)

        class Growing(Counting):
            def received(self, count):
                with (there / NAME).open("ab") as file:
                    file.write(b"more")

        with pytest.raises(FileChanged):
            await got(self.source(there, tmp_path), work, watcher=Growing())
        assert not work.file(NAME).exists()


class TestSftp:
    def source(self, site, tmp_path, **changes):
        settings = {
            "kind": "sftp", "host": "127.0.0.1", "port": site.port, "username": USER, "password": PASSWORD,
            "host_keys": (site.host_key,), "work_folder": tmp_path / "work", "timeout_seconds": 10,
        }  # fmt: skip
        return SftpSource(SftpSettings(**{**settings, **changes}))

    async def test_it_gives_the_zips_of_a_folder_whole(self, there, tmp_path, work):
        (there / "opendata").mkdir()
        (there / "opendata" / NAME).write_bytes(DATA)
        (there / "opendata" / f"{NAME}.sha256").write_text(digest(DATA).hex())
        async with sftp_site(there) as site:
            source = self.source(site, tmp_path, folder="opendata")
            file = await got(source, work)

        assert (file.path.read_bytes(), file.sha256) == (DATA, digest(DATA))
        assert site.logins == 3
        assert source.name == f"sftp://127.0.0.1:{site.port}/opendata"

    async def test_without_a_digest_beside_it_a_file_costs_one_connection(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        async with sftp_site(there) as site:
            await got(self.source(site, tmp_path), work)

        assert site.logins == 2

    async def test_a_download_that_is_cut_off_goes_on_where_it_stopped(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        watcher = Counting()
        async with sftp_site(there, cuts=[2_200_000]) as site:
            file = await got(self.source(site, tmp_path), work, watcher=watcher)

        assert file.path.read_bytes() == DATA
        assert watcher.begun_at[0] == 0
        assert watcher.begun_at[1] >= 1 << 20
        assert watcher.bytes == len(DATA)

    async def test_a_server_that_always_dies_is_away_and_what_came_is_kept(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        async with sftp_site(there, cuts=[1_500_000] * 3) as site:
            with pytest.raises(SourceUnavailable, match="cutOff"):
                await got(self.source(site, tmp_path), work)
            assert not work.file(NAME).exists()
            kept = work.part(NAME).size
            watcher = Counting()
            await got(self.source(site, tmp_path), work, watcher=watcher)

        assert kept >= 1 << 20
        assert watcher.begun_at == [kept]

    async def test_a_part_of_another_file_of_that_name_is_not_gone_on_with(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        async with sftp_site(there, cuts=[1_500_000] * 3) as site:
            with pytest.raises(SourceUnavailable):
                await got(self.source(site, tmp_path), work)
            (there / NAME).write_bytes(OTHER)
            os.utime(there / NAME, (1_700_000_000, 1_700_000_000))
            watcher = Counting()
            file = await got(self.source(site, tmp_path), work, watcher=watcher)

        assert watcher.begun_at == [0]
        assert file.path.read_bytes() == OTHER

    async def test_a_file_that_is_replaced_between_listing_and_download_is_noticed(
        self, there, tmp_path, work
    ):
        (there / NAME).write_bytes(DATA)

        def replace(name):
            if name == NAME:
                (there / NAME).write_bytes(OTHER)
                os.utime(there / NAME, (1_700_000_000, 1_700_000_000))

        async with sftp_site(there) as site:
            source = self.source(site, tmp_path)
            [offered] = (await source.offered()).files
            site.before_open = replace
            with pytest.raises(FileChanged, match="changed"):
                await got(source, work, offered=offered)
            site.before_open = lambda name: (there / NAME).unlink(missing_ok=True)
            with pytest.raises(FileChanged, match="gone"):
                await got(source, work, offered=offered)

    async def test_a_wrong_digest_leaves_nothing_behind(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        (there / f"{NAME}.sha256").write_text(digest(OTHER).hex())
        async with sftp_site(there) as site:
            with pytest.raises(FileChanged, match="sha256"):
                await got(self.source(site, tmp_path), work)

        assert not work.file(NAME).exists()
        assert work.part(NAME) is None

    async def test_another_host_key_than_the_pinned_ones_gets_no_password(self, there, tmp_path):
        (there / NAME).write_bytes(DATA)
        pinned = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode().strip()
        rsa = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode().strip()
        async with sftp_site(there) as site:
            for keys in ((pinned,), (rsa,), (pinned, rsa)):
                with pytest.raises(SourceDistrusted, match="hostKey"):
                    await self.source(site, tmp_path, host_keys=keys).offered()
            assert site.logins == 0
            both = (pinned, f"sftp.example {site.host_key}")
            assert (await self.source(site, tmp_path, host_keys=both).offered()).files

    async def test_a_wrong_password_is_said_once_and_not_tried_again(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        async with sftp_site(there) as site:
            source = self.source(site, tmp_path, password="another-one-entirely")
            with pytest.raises(SourceDistrusted, match="login") as caught:
                await got(source, work)
            assert site.logins == 1
        assert "another-one" not in repr(caught.value) + str(caught.value) + repr(source._settings)

    async def test_a_key_opens_too_with_its_passphrase(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        key = asyncssh.generate_private_key("ssh-ed25519")
        text = key.export_private_key(format_name="pkcs8-pem", passphrase="a phrase").decode()
        async with sftp_site(there, client_key=key) as site:
            opens = {"password": None, "key": text, "key_passphrase": "a phrase"}
            assert (await got(self.source(site, tmp_path, **opens), work)).size == len(DATA)
            for wrong in ({"key_passphrase": "other"}, {"key": "no key at all", "key_passphrase": None}):
                with pytest.raises(SourceDistrusted, match="keySetting"):
                    await self.source(site, tmp_path, **{**opens, **wrong}).offered()
            bad = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAA"
            with pytest.raises(SourceDistrusted, match="hostKeySetting"):
                await self.source(site, tmp_path, host_keys=(bad,), **opens).offered()

    async def test_names_with_a_path_are_passed_over_and_told(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        async with sftp_site(there, extra_names=("../../evil.zip", "a/b.zip", ".hidden.zip")) as site:
            listing = await self.source(site, tmp_path).offered()

        assert [each.name for each in listing.files] == [NAME]
        assert listing.passed_over == ("../../evil.zip", ".hidden.zip", "a/b.zip")

    async def test_an_empty_folder_or_none_is_not_the_absence_of_news(self, there, tmp_path):
        async with sftp_site(there) as site:
            with pytest.raises(SourceDistrusted, match="emptyListing"):
                await self.source(site, tmp_path).offered()
            with pytest.raises(SourceDistrusted, match="folder"):
                await self.source(site, tmp_path, folder="nowhere").offered()
        with pytest.raises(SourceUnavailable, match="unreachable"):
            await self.source(site, tmp_path).offered()

    async def test_a_file_beyond_the_bound_is_not_fetched(self, there, tmp_path, work):
        (there / NAME).write_bytes(DATA)
        async with sftp_site(there) as site:
            with pytest.raises(SourceDistrusted, match="tooLarge"):
                await got(
                    self.source(site, tmp_path), work, patience=Patience(tries=1, pause=0, largest=2_999_999)
                )
            assert site.reads == []


class TestPortal:
    def source(self, site, tmp_path, **changes):
        settings = {
            "kind": "portal", "base_url": site.base_url, "username": site.account[0],
            "password": site.account[1], "work_folder": tmp_path / "work", "timeout_seconds": 10,
        }  # fmt: skip
        return PortalSource(PortalSettings(**{**settings, **changes}))

    async def test_it_logs_in_once_and_gives_the_zips_of_the_page(self, tmp_path, work):
        async with (
            portal_site(
                files={NAME: DATA}, more_links='<a href="https://elsewhere.example/x.pdf">x</a>'
            ) as site,
            self.source(site, tmp_path) as source,
        ):
            file = await got(source, work)

        assert file.path.read_bytes() == DATA
        assert site.logins == 1
        assert source.name == site.base_url

    @pytest.mark.parametrize("shows", ["empty", "login"])
    async def test_a_session_that_has_ended_is_opened_anew_and_the_list_asked_once_more(
        self, tmp_path, shows
    ):
        async with portal_site(files={NAME: DATA}, ended_shows=shows) as site:
            async with self.source(site, tmp_path) as source:
                await source.offered()
                site.end_sessions()
                listing = await source.offered()

        assert [each.name for each in listing.files] == [NAME]
        assert site.logins == 2

    async def test_a_session_that_ends_before_a_download_is_opened_anew(self, tmp_path, work):
        async with portal_site(files={NAME: DATA}) as site, self.source(site, tmp_path) as source:
            [offered] = (await source.offered()).files
            site.end_sessions()
            file = await got(source, work, offered=offered)

        assert file.path.read_bytes() == DATA
        assert site.logins == 2

    async def test_an_empty_list_after_a_new_login_is_not_the_absence_of_news(self, tmp_path):
        async with portal_site(files={NAME: DATA}, lists_nothing=True) as site:
            async with self.source(site, tmp_path) as source:
                with pytest.raises(SourceDistrusted, match="emptyListing"):
                    await source.offered()

        assert site.logins == 2

    @pytest.mark.parametrize("shows", ["empty", "login"])
    async def test_a_wrong_password_is_said_and_not_tried_often(self, tmp_path, shows):
        async with portal_site(files={NAME: DATA}, ended_shows=shows) as site:
            async with self.source(site, tmp_path, password="another-one-entirely") as source:
                with pytest.raises(SourceDistrusted) as caught:
                    await source.offered()

        # Where the site shows an empty list to strangers, a wrong password cannot be told from it.
        assert caught.value.reason == {"login": "login", "empty": "emptyListing"}[shows]
        assert site.logins == {"login": 1, "empty": 2}[shows]
        assert "another-one" not in repr(caught.value) + repr(source._settings)

    async def test_a_download_that_is_cut_off_goes_on_by_its_validator(self, tmp_path, work):
        watcher = Counting()
        async with (
            portal_site(files={NAME: DATA}, cuts=[2_000_000]) as site,
            self.source(site, tmp_path) as source,
        ):
            file = await got(source, work, watcher=watcher)

        first, second = site.downloads(NAME)
        assert file.path.read_bytes() == DATA
        assert "range" not in first
        assert second["range"] == f"bytes={watcher.begun_at[1]}-"
        assert second["if-range"].startswith('"')
        assert watcher.begun_at[1] > 0
        assert watcher.bytes == len(DATA)

    async def test_where_ranges_are_ignored_the_file_begins_anew(self, tmp_path, work):
        watcher = Counting()
        async with (
            portal_site(files={NAME: DATA}, cuts=[2_000_000], ignores_ranges=True) as site,
            self.source(site, tmp_path) as source,
        ):
            file = await got(source, work, watcher=watcher)

        assert file.path.read_bytes() == DATA
        assert "range" in site.downloads(NAME)[1]
        assert watcher.begun_at == [0, 0]

    async def test_without_a_validator_nothing_is_gone_on_with(self, tmp_path, work):
        watcher = Counting()
        async with (
            portal_site(files={NAME: DATA}, cuts=[2_000_000], etags=False) as site,
            self.source(site, tmp_path) as source,
        ):
            file = await got(source, work, watcher=watcher)

        assert file.path.read_bytes() == DATA
        assert all("range" not in headers for headers in site.downloads(NAME))
        assert watcher.begun_at == [0, 0]

    @pytest.mark.parametrize("ignores_conditions", [False, True])
    @pytest.mark.parametrize("now", [OTHER, OTHER[:1000]])
    async def test_a_file_that_was_replaced_meanwhile_begins_anew(
        self, tmp_path, work, now, ignores_conditions
    ):
        """Whether the server says so itself, shows another validator, or has nothing at that place."""
        async with (
            portal_site(
                files={NAME: DATA}, cuts=[900_000] * 3, ignores_conditions=ignores_conditions
            ) as site,
            self.source(site, tmp_path) as source,
        ):
            with pytest.raises(SourceUnavailable, match="cutOff"):
                await got(source, work)
            assert work.part(NAME).size > 2_000_000
            site.files[NAME] = now
            file = await got(source, work)

        assert file.path.read_bytes() == now

    async def test_more_bytes_than_were_told_are_not_of_the_file(self, tmp_path, work):
        async with portal_site(files={NAME: DATA}, extra_bytes=b"more") as site:
            async with self.source(site, tmp_path) as source:
                assert (await got(source, work)).path.read_bytes() == DATA

    async def test_fewer_bytes_than_were_told_are_no_file(self, tmp_path, work):
        async with portal_site(files={NAME: DATA}, cuts=[len(DATA) - 1] * 3, etags=False) as site:
            async with self.source(site, tmp_path) as source:
                with pytest.raises(SourceUnavailable, match="cutOff"):
                    await got(source, work)
        assert not work.file(NAME).exists()

    async def test_a_digest_in_the_list_or_beside_the_file_is_held(self, tmp_path, work):
        listed = {NAME: f"SHA-256: {digest(OTHER).hex()}"}
        async with portal_site(files={NAME: DATA}, digests_in_listing=listed) as site:
            async with self.source(site, tmp_path) as source:
                with pytest.raises(FileChanged, match="sha256"):
                    await got(source, work)
                site.digests_in_listing = {}
                site.files[f"{NAME}.sha256"] = digest(OTHER).hex().encode()
                with pytest.raises(FileChanged, match="sha256"):
                    await got(source, work)
                site.files[f"{NAME}.sha256"] = f"{digest(DATA).hex()}  {NAME}".encode()
                assert (await got(source, work)).sha256 == digest(DATA)

    async def test_names_with_a_path_and_links_elsewhere_are_passed_over(self, tmp_path):
        links = "".join(
            f'<a href="{href}">x</a>'
            for href in ("files/../../../evil.zip", "files/a%2Fevil.zip", "files/%2e%2e%2fevil.zip",
                         "https://elsewhere.example/kbo-open-data/affiliation/xml/files/evil.zip", "/evil.zip")
        )  # fmt: skip
        async with portal_site(files={NAME: DATA}, more_links=links) as site:
            async with self.source(site, tmp_path) as source:
                listing = await source.offered()

        assert [each.name for each in listing.files] == [NAME]
        assert len(listing.passed_over) >= 3
        assert all("evil" in name for name in listing.passed_over)

    async def test_a_page_where_a_file_should_be_is_not_a_file(self, tmp_path, work):
        async with portal_site(files={NAME: DATA}) as site, self.source(site, tmp_path) as source:
            [offered] = (await source.offered()).files
            del site.files[NAME]
            with pytest.raises(FileChanged, match="gone"):
                await got(source, work, offered=offered)
            with pytest.raises(FileChanged, match="gone"):
                await got(source, work, offered=Offered(name="never-listed.zip"))

    async def test_a_tired_server_is_away_and_one_that_sends_elsewhere_is_not_followed(self, tmp_path):
        async with portal_site(files={NAME: DATA}, status=503) as site, self.source(site, tmp_path) as source:
            with pytest.raises(SourceUnavailable, match="serverError"):
                await source.offered()
        async with portal_site(moved_to="https://elsewhere.example/login") as site:
            async with self.source(site, tmp_path) as source:
                with pytest.raises(SourceDistrusted, match="redirect"):
                    await source.offered()
        async with self.source(site, tmp_path) as source:
            with pytest.raises(SourceUnavailable, match="unreachable"):
                await source.offered()

    async def test_a_certificate_nobody_vouches_for_gets_no_password(self, tmp_path, work):
        tls, authority = own_authority(tmp_path)
        async with portal_site(files={NAME: DATA}, tls=tls) as site:
            async with self.source(site, tmp_path) as source:
                with pytest.raises(SourceDistrusted, match="certificate"):
                    await source.offered()
            assert site.logins == 0
            async with self.source(site, tmp_path, ca_file=authority) as source:
                assert (await got(source, work)).path.read_bytes() == DATA
