"""An OpenFeature provider: a flag is an experiment, its variant the arm (extra ``openfeature``).

The evaluation context is the incident: ``targeting_key`` the customer, ``incident`` its key,
``kind``, ``occurred_at`` (aware, or ISO 8601), ``order`` and ``cause`` where there are any; every
other attribute is one of its fields. A string flag gives the arm, an object flag the whole remedy.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

try:
    from openfeature.exception import ErrorCode
    from openfeature.flag_evaluation import FlagResolutionDetails, Reason
    from openfeature.provider import AbstractProvider, Metadata
except ImportError as missing:
    from apologylab.errors import MissingPartError

    raise MissingPartError(
        "openfeature-sdk is not installed", do="run `pip install apologylab[openfeature]`"
    ) from missing

from apologylab.errors import InputError
from apologylab.hooks.client import Client
from apologylab.hooks.given import Given
from apologylab.record.facts import Incident

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from openfeature.evaluation_context import EvaluationContext

    from apologylab.hooks.embedded import LedgerClient

V = TypeVar("V")
OWN: Final = ("incident", "kind", "occurred_at", "order", "cause")
"""Attributes of the incident itself."""
REASONS: Final[Mapping[str, str]] = {
    "RANDOMISED": Reason.SPLIT,
    "PREVIEW": Reason.SPLIT,
    "HOLDOUT": Reason.SPLIT,
    "OVERRIDE": Reason.TARGETING_MATCH,
    "POLICY": Reason.TARGETING_MATCH,
    "INELIGIBLE": Reason.DEFAULT,
    "CLOSED": Reason.DISABLED,
    "FALLBACK": Reason.ERROR,
}
"""Our reasons in OpenFeature's words; ours itself stands in the flag metadata."""
TOLD: Final = ("experiment", "version", "phase", "propensity", "reason", "because")
"""What of an answer the flag metadata tell."""
FALLBACK: Final = "FALLBACK"
NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""Where a draw alone is asked, which needs no time."""
NO_CUSTOMER: Final = "TargetingKeyMissing"
CODES: Final[Mapping[str, str]] = {
    NO_CUSTOMER: ErrorCode.TARGETING_KEY_MISSING,
    "NotFoundError": ErrorCode.FLAG_NOT_FOUND,
    "InputError": ErrorCode.INVALID_CONTEXT,
    "UnitIdError": ErrorCode.INVALID_CONTEXT,
}
"""The error that a fallback names first -> OpenFeature's code; GENERAL for others."""


class ApologyProvider(AbstractProvider):
    """Answers flags from a ledger (:func:`apologylab.hooks.connect`), or by the draw alone.

    Nothing is raised. What goes wrong is said by ``error_code`` and ``error_message`` beside the
    default value, which should be what ``[otherwise].FALLBACK`` names, since that is reported.
    """

    def __init__(self, client: LedgerClient | Client) -> None:
        super().__init__()
        self._client = client

    def get_metadata(self) -> Metadata:
        """The provider's name."""
        return Metadata(name="apologylab")

    def resolve_string_details(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """The arm of experiment ``flag_key``, or what ``[otherwise]`` names."""
        return _resolved(default_value, self._ask(flag_key, evaluation_context), _arm)

    async def resolve_string_details_async(
        self,
        flag_key: str,
        default_value: str,
        evaluation_context: EvaluationContext | None = None,
    ) -> FlagResolutionDetails[str]:
        """As :meth:`resolve_string_details`, without blocking the event loop."""
        given = await self._ask_async(flag_key, evaluation_context)
        return _resolved(default_value, given, _arm)

    def resolve_object_details(
        self, flag_key: str, default_value: Any, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Any]:
        """All that :class:`apologylab.hooks.Given` holds of experiment ``flag_key``."""
        return _resolved(default_value, self._ask(flag_key, evaluation_context), _remedy)

    async def resolve_object_details_async(
        self, flag_key: str, default_value: Any, evaluation_context: EvaluationContext | None = None
    ) -> FlagResolutionDetails[Any]:
        """As :meth:`resolve_object_details`, without blocking the event loop."""
        given = await self._ask_async(flag_key, evaluation_context)
        return _resolved(default_value, given, _remedy)

    def resolve_boolean_details(
        self,
        flag_key: str,
        default_value: bool,  # noqa: FBT001 - the protocol's
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - the protocol's
    ) -> FlagResolutionDetails[bool]:
        """An arm is neither true nor false."""
        return _mistyped(flag_key, default_value)

    def resolve_integer_details(
        self,
        flag_key: str,
        default_value: int,
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - the protocol's
    ) -> FlagResolutionDetails[int]:
        """An arm is no number."""
        return _mistyped(flag_key, default_value)

    def resolve_float_details(
        self,
        flag_key: str,
        default_value: float,
        evaluation_context: EvaluationContext | None = None,  # noqa: ARG002 - the protocol's
    ) -> FlagResolutionDetails[float]:
        """An arm is no number."""
        return _mistyped(flag_key, default_value)

    def _ask(self, flag_key: str, context: EvaluationContext | None) -> Given:
        asked, client = self._prepared(flag_key, context), self._client
        if isinstance(asked, Given):
            return asked
        if isinstance(client, Client):
            return _drawn(client, flag_key, asked)
        return client.assign(asked, experiment=flag_key)

    async def _ask_async(self, flag_key: str, context: EvaluationContext | None) -> Given:
        asked, client = self._prepared(flag_key, context), self._client
        if isinstance(asked, Given):
            return asked
        if isinstance(client, Client):
            return _drawn(client, flag_key, asked)
        return await client.assign_async(asked, experiment=flag_key)

    def _prepared(self, flag_key: str, context: EvaluationContext | None) -> Given | Incident:
        """The incident that ``context`` tells of, or why there is none."""
        if context is None or not context.targeting_key:
            return Given("", FALLBACK, f"{NO_CUSTOMER}: the targeting key is the customer's id")
        try:
            return _incident(context, is_stored=not isinstance(self._client, Client))
        except Exception as error:  # noqa: BLE001 - an order system must never fail because of us
            return Given("", FALLBACK, f"InputError: {error}", flag_key)


def _incident(context: EvaluationContext, *, is_stored: bool) -> Incident:
    """The incident of ``context``; a draw alone needs neither its key nor its time.

    Raises:
        InputError: what the ledger needs is missing, or not of its type.
    """
    told = dict(context.attributes)
    own = {name: told.pop(name, None) for name in OWN}
    for name in ("incident", "occurred_at") if is_stored else ():
        if own[name] is None:
            raise InputError(f"{name} is missing", do="add it to the evaluation context")
    return Incident(
        key=own["incident"] or "",
        occurred_at=_time(own["occurred_at"]),
        customer=context.targeting_key or "",
        kind=own["kind"],
        order=own["order"],
        cause=own["cause"],
        fields=told,
    )


def _time(told: object) -> datetime:
    if told is None or isinstance(told, datetime):
        return told or NEVER
    return datetime.fromisoformat(str(told))


def _drawn(client: Client, flag_key: str, incident: Incident) -> Given:
    answer = client.draw(flag_key, incident.customer, {**incident.fields, "kind": incident.kind})
    return Given(
        arm=answer.arm,
        reason=answer.reason,
        because=answer.because,
        experiment=answer.experiment,
        version=answer.version,
        phase=answer.phase,
        propensity=answer.propensity,
        delay_s=answer.delay_s,
    )


def _resolved(default: V, given: Given, value: Callable[[Given], V]) -> FlagResolutionDetails[V]:
    """``given`` as OpenFeature tells it; a fallback is an error, and its value the default."""
    told = {name: found for name in TOLD if (found := getattr(given, name)) is not None}
    if given.reason == FALLBACK:
        named = given.because.partition(":")[0]
        return FlagResolutionDetails(
            value=default,
            error_code=CODES.get(named, ErrorCode.GENERAL),
            error_message=given.because,
            reason=Reason.ERROR,
            flag_metadata=told,
        )
    return FlagResolutionDetails(
        value=value(given),
        reason=REASONS.get(given.reason, Reason.UNKNOWN),
        variant=given.arm,
        flag_metadata=told,
    )


def _arm(given: Given) -> str:
    return given.arm


def _remedy(given: Given) -> dict[str, Any]:
    """What is known of it; times as ISO 8601, since flags hold JSON."""
    known = {name: found for name, found in given._asdict().items() if found is not None}
    if given.due_at is not None:
        known["due_at"] = given.due_at.isoformat()
    return known


def _mistyped(flag_key: str, default: V) -> FlagResolutionDetails[V]:
    return FlagResolutionDetails(
        value=default,
        error_code=ErrorCode.TYPE_MISMATCH,
        error_message=f"{flag_key} is an arm: ask for a string, or for an object",
        reason=Reason.ERROR,
    )
