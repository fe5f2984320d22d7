"""The one error tree. The class decides what the route does next; the text names object, fact and remedy.

EngineshedError
├─ ConfigurationInvalid        stop at once
│  ├─ JobInvalid               the job's declaration
│  ├─ SettingInvalid           a settings file, run config or tag
│  ├─ ExtraMissing             an engine's optional dependency is not installed
│  └─ LaunchRefused            a run asks for what its code location may not have; nothing was started
├─ NoOffer                     no engine can or may run the job; carries every rejection
├─ EngineError
│  ├─ PlatformBusy             transient: the same call may be repeated (throttling, 5xx, lost reply)
│  ├─ AccessDenied             credentials or permissions; stop at once
│  ├─ SubmitRejected           the platform refused the request; carries its failure class
│  ├─ LaunchLost               the platform no longer knows the run
│  └─ StateUnknown             a vendor state that no table of ours translates
├─ SubmitUnsure                nobody can say whether a run was started; its attempt stays live and is taken up later
├─ ChannelError                messages cannot be read or written
│  └─ ChannelBusy              transient
├─ LedgerError
│  ├─ LedgerBusy               transient
│  ├─ LeaseLost                another watcher took over; leave without output
│  ├─ BudgetExceeded           the intent would commit more than an account may; plan again
│  ├─ EngineFull               the engine carries as many runs as it may; plan again, or wait
│  └─ LedgerTooNew             the database was migrated by a newer engineshed
├─ StoreError
│  ├─ ObjectMissing
│  └─ StoreDenied
├─ PublishRefused              the attempt's tables are incomplete or a later attempt has published
│  └─ ChecksFailed             a blocking data check failed; carries every outcome
├─ RunFailed                   the foreign run ended badly; carries its Failure
└─ RunCancelled                the run was cancelled; never retried
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from engineshed.model.failure import Failure, FailureClass

if TYPE_CHECKING:
    from engineshed.model.check import CheckOutcome
    from engineshed.model.plan import Rejection


class EngineshedError(Exception):
    """Base of all errors that engineshed raises on purpose.

    `failure_class` says whether another offer is tried; `transient` says that the very same call may be repeated.
    """

    failure_class: FailureClass = FailureClass.PLATFORM
    transient: ClassVar[bool] = False


class ConfigurationInvalid(EngineshedError):
    """Something that a person wrote is wrong; repeating it cannot help."""

    failure_class = FailureClass.CONFIGURATION


class JobInvalid(ConfigurationInvalid):
    """The declaration of a SparkJob or its asset is wrong."""


class SettingInvalid(ConfigurationInvalid):
    """A settings file, run config value or run tag is wrong."""


class ExtraMissing(ConfigurationInvalid):
    """An engine or store needs an optional dependency that is not installed."""


class LaunchRefused(ConfigurationInvalid):
    """A run asks for what its code location may not have; nothing was started."""


class NoOffer(EngineshedError):
    """No offer is left. `rejections` holds one reason per engine or offer."""

    failure_class = FailureClass.CONFIGURATION

    def __init__(self, message: str, rejections: Sequence[Rejection] = ()) -> None:
        super().__init__(message)
        self.rejections = tuple(rejections)


class EngineError(EngineshedError):
    """An engine could not do what it was asked."""


class PlatformBusy(EngineError):
    """Throttled, unreachable or a server error: the same call may be repeated."""

    transient = True


class AccessDenied(EngineError):
    """The platform refuses our credentials."""

    failure_class = FailureClass.AUTHORISATION


class SubmitRejected(EngineError):
    """The platform refused a request; `failure_class` says why."""

    def __init__(self, message: str, failure_class: FailureClass = FailureClass.CONFIGURATION) -> None:
        super().__init__(message)
        self.failure_class = failure_class


class LaunchLost(EngineError):
    """The platform does not know the run (any more)."""


class StateUnknown(EngineError):
    """A vendor state that our cited table does not hold: never guessed, always raised."""


class SubmitUnsure(EngineshedError):
    """Nobody can say whether the platform carried a submit out: nothing else is started, the attempt stays live."""


class ChannelError(EngineshedError):
    """The transport of messages is broken."""


class ChannelBusy(ChannelError):
    """The transport throttles, fails or is away: the same call may be repeated, nothing is lost."""

    transient = True


class LedgerError(EngineshedError):
    """The ledger refused or cannot be reached."""


class LedgerBusy(LedgerError):
    """The database is locked or away: the same call may be repeated."""

    transient = True


class LeaseLost(LedgerError):
    """Another watcher holds the lease now; whoever lost it leaves without output."""


class BudgetExceeded(LedgerError):
    """The attempt would commit more than its run, asset or team may spend. Nothing was recorded."""

    failure_class = FailureClass.BUDGET


class EngineFull(LedgerError):
    """The engine already carries as many live attempts as it may. Nothing was recorded."""

    failure_class = FailureClass.CAPACITY


class LedgerTooNew(LedgerError):
    """The database schema is newer than this engineshed."""

    failure_class = FailureClass.CONFIGURATION


class StoreError(EngineshedError):
    """An object store refused or cannot be reached."""


class StoreBusy(StoreError):
    """The object store throttles, fails or is away: the same call may be repeated."""

    transient = True


class ObjectMissing(StoreError):
    """No object has that key."""


class StoreDenied(StoreError):
    """The object store refuses our credentials."""

    failure_class = FailureClass.AUTHORISATION


class PublishRefused(EngineshedError):
    """A partition cannot be replaced: tables are missing, unreadable, or a later attempt has published."""

    failure_class = FailureClass.USER_CODE


class ChecksFailed(PublishRefused):
    """A blocking data check failed, so nothing was published. `outcomes` holds every check's finding."""

    def __init__(self, message: str, outcomes: Sequence[CheckOutcome] = ()) -> None:
        super().__init__(message)
        self.outcomes = tuple(outcomes)


class RunFailed(EngineshedError):
    """A foreign run ended badly. `failure` holds class, reason and what is known."""

    def __init__(self, message: str, failure: Failure) -> None:
        super().__init__(message)
        self.failure = failure
        self.failure_class = failure.failure_class


class RunCancelled(EngineshedError):
    """The run was cancelled by a person or by its time limit."""

    failure_class = FailureClass.CANCELLED
