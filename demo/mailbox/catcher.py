"""The SMTP side: takes every mail, or misbehaves as it was told to."""

import asyncio
import logging
from asyncio import WriteTransport
from dataclasses import dataclass
from enum import StrEnum
from typing import cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from demo.mailbox.store import Store
from demo.parts.ports import LOOPBACK

_LARGEST = 2 * 1024 * 1024


class Fault(StrEnum):
    """How the catcher misbehaves."""

    NONE = "none"
    REFUSE_TEMPORARILY = "refuseTemporarily"
    REFUSE_PERMANENTLY = "refusePermanently"
    DROP_AFTER_DATA = "dropAfterData"


_REFUSALS = {
    Fault.REFUSE_TEMPORARILY: "451 4.3.0 Try again later",
    Fault.REFUSE_PERMANENTLY: "550 5.1.1 No such mailbox",
}


@dataclass(slots=True)
class Faults:
    """The fault in force and how many mails it still hits; None means until it is changed."""

    fault: Fault = Fault.NONE
    times: int | None = None

    def set(self, fault: Fault, times: int | None) -> None:
        """From the next mail on."""
        self.fault, self.times = fault, times

    def hits(self, *kinds: Fault) -> Fault | None:
        """The fault for this mail, if it is one of these kinds; uses one of its times up."""
        if self.fault not in kinds or self.times == 0:
            return None
        if self.times is not None:
            self.times -= 1
        return self.fault


class Catcher:
    """An SMTP server on loopback that keeps everything and passes nothing on."""

    def __init__(self, store: Store, faults: Faults | None = None) -> None:
        """Remember where mails go."""
        self.store = store
        self.faults = Faults() if faults is None else faults
        self._server: asyncio.Server | None = None

    async def start(self, port: int) -> None:
        """The port answers."""
        # it would write addresses to its log, and the mails themselves
        logging.getLogger("mail.log").setLevel(logging.CRITICAL)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, LOOPBACK, port)

    async def stop(self) -> None:
        """The port is closed; a catcher that never started is stopped already."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    def _session(self) -> SMTP:
        return SMTP(
            self,
            data_size_limit=_LARGEST,
            hostname="mailbox.habilis.test",
            ident="mailbox",
            loop=asyncio.get_running_loop(),
        )

    async def handle_RCPT(  # noqa: N802 - aiosmtpd names it so
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take the recipient, or say the fault's no."""
        del server, session, options
        fault = self.faults.hits(*_REFUSALS)
        if fault is not None:
            return _REFUSALS[fault]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep the mail; with the fault for it, hang up without saying so."""
        del session
        content = envelope.content
        self.store.add(envelope.rcpt_tos, content.encode() if isinstance(content, str) else content or b"")
        if self.faults.hits(Fault.DROP_AFTER_DATA) is not None:
            # not asked whether it is one: uvloop's transports are none of asyncio's classes
            cast("WriteTransport", server.transport).abort()
        return "250 OK"
