"""The connection to AWS as the pages share it: looked up by a thread of the server, so that no page waits for AWS.

Nothing is asked of AWS before somebody opens the connection's card, unless this workspace has been connected before or the
environment holds credentials: then what costs money there is shown from the first page on.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from core.aws import buckets, prices
from core.aws.account import Account, account_of, account_to_look_at
from core.aws.choices import Choices, has_choices, read_choices, save_choices
from core.aws.overview import Overview, overview
from core.aws.prices import Price, Use, price_of
from core.aws.quotas import Quotas
from core.aws.session import credentials_in_environment, profiles, regions
from core.errors import WorkbenchError
from core.rights import may_spend, require_spending
from core.workspace import Workspace, person

log = logging.getLogger(__name__)

_UNKNOWN = Quotas(None)
#: Seconds between two words about a look that takes its time.
_SAY_EVERY = 10


@dataclass(frozen=True)
class Seen:
    """What is known about the connection at one moment.

    Attributes:
        choices: what the person chose.
        found: what was found with these choices; None before the first look.
        doing: what is going on, in words; "" for nothing.
        trouble: why what was asked for last did not work.
        profiles, regions: what can be chosen from.
        quotas: the account's quotas, unknown until they have been read.
        looked: how many looks have ended; ``found`` changes with it.
        version: another number for every change.
    """

    choices: Choices
    found: Overview | None = None
    doing: str = ""
    trouble: WorkbenchError | None = None
    profiles: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    quotas: Quotas = _UNKNOWN
    looked: int = 0
    version: int = 0

    @property
    def why_not(self) -> str:
        """Why SageMaker cannot be used now, as a sentence; "" where it can."""
        if not may_spend(person()):
            return "You do not have the right to spend money here. Ask whoever runs this workbench for it."
        if self.found is None:
            return "Looking at your AWS account." if self.doing else "Nobody has connected this workbench to AWS yet."
        if self.found.identity is None:
            return "There is no connection to AWS."
        return "" if self.found.ready else "Something is missing in your AWS account."


class AwsRoom:
    """One connection for all pages of a workspace. May be used by several threads."""

    def __init__(self, workspace: Workspace):
        self.workspace = workspace
        self._lock = threading.Lock()
        self._seen = Seen(read_choices(workspace))
        self._account: Account | None = None
        self._to_look_at: Account | None = None
        self._looks = 0
        self._began = 0.0

    def seen(self) -> Seen:
        """What is known now; asks nobody."""
        with self._lock:
            seen, waited = self._seen, int(time.monotonic() - self._began) // _SAY_EVERY * _SAY_EVERY
        if not seen.doing or not waited:
            return seen
        return replace(seen, doing=f"{seen.doing} {waited} s so far. Where AWS does not answer this ends after two minutes or so.")

    def account(self) -> Account | None:
        """The account to train and deploy in; None where there is none, or none is known yet. Asks nobody.

        One that was found stays when something is missing later (see ``Seen.why_not``): its jobs are looked after.
        """
        with self._lock:
            return self._account

    def account_to_look_at(self) -> Account | None:
        """The account to list and delete in, which is there even where something is missing that deploying needs."""
        with self._lock:
            return self._to_look_at

    def trouble(self) -> WorkbenchError | None:
        """Why nobody can say what costs in the account, where this workspace has deployed something there."""
        found = self.seen().found
        if found is None or self.account_to_look_at() or not any(self.workspace.hosted.glob("*/*/")):
            return None
        return WorkbenchError("There is no connection to AWS.", " ".join(found.missing), "")

    def wake(self) -> None:
        """Look once, where this workspace was connected before or the environment holds credentials; returns at once."""
        if has_choices(self.workspace) or credentials_in_environment():
            self.open()

    def open(self) -> None:
        """Look, if nobody has looked yet; returns at once."""
        with self._lock:
            asked = self._looks > 0
        if not asked:
            self.look()

    def choose(self, choices: Choices) -> None:
        """Keep these choices and look with them; returns at once."""
        save_choices(self.workspace, choices)
        with self._lock:
            if choices != self._seen.choices:  # what was found belongs to another account, or another region of it
                self._change(choices=choices, found=None, looked=self._seen.looked + 1, quotas=_UNKNOWN)
                self._account = self._to_look_at = None
        self.look()

    def look(self) -> None:
        """Look at the account again; returns at once. What was found last stands until then."""
        self._start("Looking at your AWS account")

    def make_bucket(self) -> None:
        """Make the bucket that the last look did not find, then look again; returns at once."""
        require_spending("Making a bucket")
        found = self.seen().found
        if found and found.bucket_state == "missing":
            self._start(f"Making the bucket {found.bucket}", lambda: buckets.create(found.connection, found.bucket))

    def price(self, instance_type: str, use: Use) -> Price | None:
        """What an hour of an instance costs, as far as that is known now; asks nobody."""
        found = self.seen().found
        return price_of(None, instance_type, found.region if found and found.region else "us-east-1", use)

    def _start(self, doing: str, first: Callable[[], None] = lambda: None) -> None:
        """Do ``first`` in a thread, then look; only the newest look is kept, so that one that hangs is outlived."""
        with self._lock:
            self._looks += 1
            number, choices = self._looks, self._seen.choices
            self._began = time.monotonic()
            self._change(doing=f"{doing} …", trouble=None)
        threading.Thread(target=self._work, args=(number, choices, first), name="aws", daemon=True).start()

    def _work(self, number: int, choices: Choices, first: Callable[[], None]) -> None:
        trouble, lists = None, {}
        try:
            try:
                first()
            except WorkbenchError as error:
                trouble = error
            found = overview(choices.profile, choices.region, choices.bucket, choices.role)
            lists = {"profiles": tuple(profiles()), "regions": tuple(regions())}
        except Exception as error:  # a bug must not leave "Looking" on the page for ever; the log keeps its trace
            log.exception("Looking at the AWS account failed.")
            found = Overview(choices.profile, choices.region, missing=(f"This failed in a way that was not foreseen: {error!r}.",))
        # What was found before with these choices stays where AWS cannot be asked now, or something is missing now: what
        # runs there costs on, and has to be looked after.
        account, to_look_at = self.account(), self.account_to_look_at()
        if found.ready:
            account = _kept(account, account_of(found))
        if found.identity:
            # Where AWS says less than before of the same account, what is known of its endpoints and their cost stays.
            if found.ready or to_look_at is None or not to_look_at.connection.is_same(found.connection):
                to_look_at = _kept(to_look_at, account_to_look_at(found))
            if not has_choices(self.workspace):
                with suppress(OSError):  # a full disk
                    save_choices(self.workspace, choices)  # from now on the first page shows what costs there
        with self._lock:
            if number != self._looks:
                return
            self._account, self._to_look_at = account, to_look_at
            self._change(found=found, looked=self._seen.looked + 1, doing="", trouble=trouble, **lists)
        if found.ready:
            self._read_what_it_costs(number, found)

    def _read_what_it_costs(self, number: int, found: Overview) -> None:
        """Prices and quotas: many requests, so they come after everything else."""
        quotas = Quotas.read(found.connection)
        with self._lock:
            if number == self._looks:
                self._change(quotas=quotas)
        for use, types in (("hosting", prices.HOSTING_TYPES), ("training", prices.TRAINING_TYPES)):
            for instance_type in types:
                if number != self._looks:
                    return
                price = price_of(found.connection, instance_type, found.region, use)
                if price and price.estimate:  # the list may not be read, so it is not asked for the others
                    return
        with self._lock:
            if number == self._looks:
                self._change()

    def _change(self, **changes) -> None:
        self._seen = replace(self._seen, version=self._seen.version + 1, **changes)


def _kept(known: Account | None, found: Account) -> Account:
    """The account that is known already where the same was found again: what is known of its endpoints goes with it."""
    same = known is not None and replace(known, connection=found.connection) == found
    return known if same and known.connection.is_same(found.connection) else found
