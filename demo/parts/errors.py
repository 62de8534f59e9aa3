"""What can go wrong with a part, in words that the person at the terminal can act upon."""


class PartUnavailableError(Exception):
    """Raised when a part cannot be had on this machine; the text names what is missing and the remedy."""


class PartFailedError(Exception):
    """Raised when a part was started and did not come up, or ended by itself; the text names its log."""


class PortTakenError(PartFailedError):
    """Raised when another program listens on the port that was chosen for a part at the first start."""

    def __init__(self, part: str, port: int) -> None:
        super().__init__(
            f"port {port}, chosen for {part} at the first start, is used by another program; "
            "stop that program, or run `make demo-reset` to choose new ports (this erases the demo's data)"
        )
        self.part = part
        self.port = port
