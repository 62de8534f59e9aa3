"""The source of the settings, ready to be asked."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from iam.bce.fetch.folder import FolderSource
from iam.bce.fetch.portal import PortalSource
from iam.bce.fetch.sftp import SftpSource
from iam.bce.fetch.source import Source
from iam.settings import FolderSource as FolderSettings
from iam.settings import PortalSource as PortalSettings
from iam.settings import SftpSource as SftpSettings


@asynccontextmanager
async def opened(settings: FolderSettings | SftpSettings | PortalSettings) -> AsyncIterator[Source]:
    """The source, until the end."""
    match settings:
        case FolderSettings():
            yield FolderSource(settings)
        case SftpSettings():
            yield SftpSource(settings)
        case PortalSettings():
            async with PortalSource(settings) as portal:
                yield portal
