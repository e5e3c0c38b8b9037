"""What AWS says about the endpoints of one account and region, asked for no more often than it changes.

The page looks once a second; AWS is asked for the list every few seconds, and for an endpoint's details when the list says
that it has changed, or after a while. Whose an endpoint is is read from its own tags: the index that lists by tags lags
behind by minutes, and a tag that was just changed decides when an endpoint is deleted.
"""

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeVar

from core.aws import hosting, metrics, tags
from core.aws.account import Account
from core.aws.errors import AwsError, unless_denied
from core.aws.hosting import Described, Listed, Machines, Serverless
from core.aws.metrics import Counted
from core.aws.names import PREFIX
from core.aws.prices import price_of
from core.endpoints.sagemaker_parts import Traces, left_of

#: Seconds for which an answer is good: the list, an endpoint's details and tags, its calls (which AWS charges for),
#: what is left of a deployment, a price that is only an estimate.
LIST_FRESH, DETAILS_FRESH, CALLS_FRESH, LEFT_FRESH, PRICE_FRESH = 3.0, 15.0, 60.0, 20.0, 3600.0
T = TypeVar("T")

#: Endpoints that are asked about at a time.
_AT_ONCE = 8


@dataclass(frozen=True)
class Seen:
    """An endpoint as AWS has it.

    Attributes:
        listed: its line in the list.
        described, size: its details; None where these credentials may not look at them.
        tags: its tags; {} for a foreign one, and where they may not be read.
        price: dollars an hour for one instance; None where it is not known, and for a serverless one.
        counted: its calls; None where they may not be read.
        asked: when the details were asked for (monotonic).
        unread: why something of one that bears a name of the workbench's could not be read; None where all could.
        tags_unread: whether the tags are among that, and no earlier look has read them.
    """

    listed: Listed
    described: Described | None
    size: Machines | Serverless | None
    tags: dict[str, str]
    price: float | None = None
    counted: Counted | None = None
    asked: float = 0.0
    unread: AwsError | None = None
    tags_unread: bool = False

    @property
    def name(self) -> str:
        return self.listed.name

    @property
    def made_here(self) -> bool:
        """Whether the workbench made it; where its tags may not be read its name says so: it costs, and is listed."""
        return self.name.startswith(PREFIX) and (self.tags_unread or tags.made_here(self.tags))


@dataclass(frozen=True)
class Snapshot:
    """What AWS said at one moment.

    Attributes:
        at: when it was asked, in seconds since 1970; 0 where it never was.
        endpoints: every endpoint, by name.
        left: what is left of deployments that have no endpoint (any more), by name.
    """

    at: float = 0.0
    endpoints: dict[str, Seen] = field(default_factory=dict)
    left: dict[str, list[str]] = field(default_factory=dict)

    @property
    def unread(self) -> AwsError | None:
        """Why something of an endpoint of the workbench's could not be read; None where all could."""
        return next((one.unread for one in self.endpoints.values() if one.unread), None)


class AccountView:
    """The endpoints of an account. May be used by several threads.

    Args:
        unfinished: gives the deployments that this machine knows of and nobody works on.
    """

    def __init__(self, account: Account, unfinished: Callable[[], dict[str, Traces]]):
        self._account = account
        self._unfinished = unfinished
        self._asking = threading.Lock()
        self._lock = threading.Lock()
        self._last = Snapshot()
        self._gone: dict[str, float] = {}  # when an endpoint was seen to be gone: older answers still have it
        self._kept: dict[str, Seen] = {}
        self._left: dict[str, tuple[float, list[str]]] = {}
        self._counted: tuple[float, dict[str, Counted] | None] = (-CALLS_FRESH, {})
        self._prices: dict[str, tuple[float, float | None]] = {}

    def last(self) -> Snapshot:
        """What is known; asks nobody."""
        with self._lock:
            gone = {name for name, at in self._gone.items() if at > self._last.at}
            return replace(
                self._last, endpoints={name: one for name, one in self._last.endpoints.items() if name not in gone}
            )

    def look(self, fresh: float = LIST_FRESH) -> Snapshot:
        """What AWS says, asked anew where the last answer is older than ``fresh`` seconds.

        Raises:
            AwsError: AWS refuses, or cannot be reached.
        """
        wanted = time.time() - fresh
        with self._asking:  # one asks, and whoever came meanwhile takes its answer
            if self._last.at < wanted or self._last.at == 0:
                found = self._ask()
                with self._lock:
                    self._last = found
                    self._gone = {name: at for name, at in self._gone.items() if at > found.at}
        return self.last()

    def changed(self, name: str) -> None:
        """The endpoint's details are others now."""
        with self._lock:
            self._kept.pop(name, None)
            self._left.pop(name, None)

    def gone(self, name: str) -> None:
        """The endpoint is not there any more."""
        self.changed(name)
        with self._lock:
            self._gone[name] = time.time()

    def _ask(self) -> Snapshot:
        at = time.time()
        listed = hosting.list_endpoints(self._account.connection)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            seen = [one for one in pool.map(self._see, listed) if one is not None]
        counted = self._count([one for one in seen if one.made_here])
        found = {one.name: replace(one, counted=counted.get(one.name) if counted else None) for one in seen}
        with self._lock:
            self._kept = {name: one for name, one in self._kept.items() if name in found}
        missing = {name: its for name, its in self._unfinished().items() if name not in found}
        return Snapshot(at, found, {name: self._what_is_left(name, its) for name, its in missing.items()})

    def _see(self, listed: Listed) -> Seen | None:
        """An endpoint's details; None where it is gone in this moment."""
        with self._lock:
            kept = self._kept.get(listed.name)
        asked = time.monotonic()
        fresh = kept is not None and kept.listed == listed and asked - kept.asked < DETAILS_FRESH
        if kept is not None and fresh and kept.unread is None:
            return kept
        seen = self._details(listed, kept)
        if seen is not None:
            seen = replace(seen, asked=asked)
            with self._lock:
                self._kept[listed.name] = seen
        return seen

    def _details(self, listed: Listed, kept: Seen | None) -> Seen | None:
        """Ask for them. What may not be read is as it was when it was read last, and ``unread`` says why; the least policy
        lets nobody look at what is not the workbench's, which is nothing to say."""
        connection = self._account.connection
        ours = listed.name.startswith(PREFIX)
        denied: list[AwsError] = []

        def read(request: Callable[[], T], otherwise: T) -> T:
            return unless_denied(request, otherwise, denied)

        before = kept or Seen(listed, None, None, {}, tags_unread=ours)
        try:
            described = read(lambda: hosting.describe_endpoint(connection, listed.name), before.described)
            if described is None and not denied:
                return None
            its_tags = read(lambda: hosting.tags_of(connection, listed.arn), None) if ours else {}
            config = described.config if described else listed.name  # which bears the endpoint's name where it is ours
            size = read(lambda: hosting.describe_config(connection, config), before.size) if described or ours else None
        except AwsError as error:
            if error.kind == "gone":
                return None
            raise
        price = self._price(size.instance_type) if isinstance(size, Machines) else None
        return Seen(
            listed, described, size, before.tags if its_tags is None else its_tags, price,
            unread=denied[0] if denied and ours else None, tags_unread=its_tags is None and before.tags_unread,
        )

    def _price(self, instance_type: str) -> float | None:
        """Dollars an hour for an instance; an estimate is asked for again after a while."""
        at, price = self._prices.get(instance_type, (-PRICE_FRESH, None))
        if time.monotonic() - at >= PRICE_FRESH:
            connection = self._account.connection
            found = price_of(connection, instance_type, connection.region, "hosting")
            price = found.an_hour if found else None
            self._prices[instance_type] = (time.monotonic(), price)
        return price

    def _count(self, seen: Iterable[Seen]) -> dict[str, Counted] | None:
        at, counted = self._counted
        since = {one.name: one.listed.created for one in seen}
        if time.monotonic() - at < CALLS_FRESH and (counted is None or since.keys() <= counted.keys()):
            return counted
        try:
            counted = metrics.count_calls(self._account.connection, since) if since else {}
        except AwsError:  # the policy may not allow it: the list goes without
            counted = None
        self._counted = (time.monotonic(), counted)
        return counted

    def _what_is_left(self, name: str, traces: Traces) -> list[str]:
        with self._lock:
            at, left = self._left.get(name, (-LEFT_FRESH, []))
        if time.monotonic() - at >= LEFT_FRESH:
            left = left_of(self._account, name, traces)
            with self._lock:
                self._left[name] = (time.monotonic(), left)
        return left
