"""A worker that kills itself (SIGKILL) at a chosen moment: `python -m tests.support.dying FILE`.

The file is a JSON document: what the truth is, which target, and after which touch of the target or of our
book-keeping the process dies. Between two touches nothing leaves the process, so these are all the moments there
are. Prints their number when it survives.
"""

import asyncio
import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from iam.delegation.desired import Member
from iam.kernel.clock import system_clock
from iam.kernel.ids import EntityId, PersonId
from iam.realms import projection
from iam.storage import Database
from provisioning.directory import Directory
from provisioning.directory_target import DirectoryTarget
from provisioning.keycloak import KeycloakGroups
from provisioning.keycloak_target import KeycloakTarget
from provisioning.pace import TokenBucket
from provisioning.target import GroupDirectory
from provisioning.worker import Chances, Worker
from tests.support.provisioning import SmallTruth

# Each is a transaction or a request of its own.
BOOKS = ("claim", "complete", "store_group", "forget_group", "store_folder")
LDAP_CALLS = ("search", "add", "delete", "change")
KEYCLOAK_CALLS = ("group", "children", "find", "create", "write", "delete", "members", "add", "remove")


class Fate:
    """Counts the moments, and strikes at one of them."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.moments = 0

    def moment(self) -> None:
        self.moments += 1
        if self.moments == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, names: tuple[str, ...]) -> None:
        for name in names:
            setattr(owner, name, self._wrapped(getattr(owner, name)))

    def _wrapped(self, call: Any) -> Any:
        if asyncio.iscoroutinefunction(call):

            async def later(*arguments: Any, **options: Any) -> Any:
                answer = await call(*arguments, **options)
                self.moment()
                return answer

            return later

        def now(*arguments: Any, **options: Any) -> Any:
            answer = call(*arguments, **options)
            self.moment()
            return answer

        return now


def _target(told: dict[str, Any], db: Database, fate: Fate) -> GroupDirectory:
    if told["target"] == "directory":
        directory = Directory(url=told["url"], bind_dn=told["bind_dn"], password=told["password"])
        fate.around(directory, LDAP_CALLS)
        return DirectoryTarget(directory, base_dn=told["base_dn"], names=True)
    groups = KeycloakGroups(
        base_url=told["url"],
        realm="monespace",
        client_id="habilis-provisioner",
        client_secret=told["password"],
        bucket=TokenBucket(500, monotonic=time.monotonic, sleep=time.sleep),
    )
    fate.around(groups, KEYCLOAK_CALLS)
    return KeycloakTarget(groups, db, parent=told["parent"])


async def main(told: dict[str, Any]) -> int:
    entity = EntityId(UUID(told["entity"]))
    small = SmallTruth(
        numbers={entity: told["number"]},
        roles={entity: {role: {PersonId(UUID(one)) for one in who} for role, who in told["roles"].items()}},
        people={
            PersonId(UUID(one)): Member(
                uid=one, keycloak_user=account, given_name="Karim", family_name="Benali"
            )
            for one, account in told["people"].items()
        },
    )
    fate = Fate(told["die_at"])
    fate.around(projection, BOOKS)
    db = Database(told["database"])
    target = _target(told, db, fate)
    worker = Worker(
        db=db, directory=target, truth=small.truth, deletion_guard=1000, by=Chances(clock=system_clock)
    )
    await worker.catch_up()
    target.close()
    await db.close()
    return fate.moments


if __name__ == "__main__":
    print(asyncio.run(main(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))))
