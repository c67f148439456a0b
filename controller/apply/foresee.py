"""Ask the server what an apply would do: the live object, and a dry run of the apply."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING, Literal

from controller.apply.replace import replacement
from controller.apply.takeover import takeover
from controller.apply.together import together
from controller.errors import NotReady, ShipslogError, Terminal, Transient, Unchangeable, Unreachable
from controller.model.labels import OBJECT_SYNC_ANNOTATION
from controller.model.live import Foreseen
from controller.model.objects import GroupKind, ObjectId, definition_of
from controller.model.options import Options, options_of, untouched

if TYPE_CHECKING:
    from controller.model.base import Json
    from controller.model.manifest import Manifest
    from controller.ports import Cluster

IN_FLIGHT = 50
"""Questions of one plan under way at once; the client bounds a cluster's requests as a whole."""
TRIES = 4
"""Times that an object is asked about while others write it between our questions."""
TAKEN = "OwnedByOthers"
"""The cause of a refusal to take fields from others."""
LONGEST = 2048
"""Characters that are told of one object."""


class KindMissing(Terminal):
    """The cluster does not serve the kind."""


Leave = Callable[["Manifest", "Json | None", AbstractSet[str]], "Manifest"]
"""The manifest without what it leaves to others, given the live object and the former managers (diff's rule)."""


Refusals = Literal["raised", "judged", "left"]
"""What becomes of objects that the server refuses. `raised`: nothing goes on. `judged`: of a wish that stood before,
what differs is told, as far as it can be known. `left`: so it is, and what can't be known is left alone."""


async def foresee(
    cluster: Cluster,
    manifests: Sequence[Manifest],
    *,
    wished: Sequence[Manifest],
    former: AbstractSet[str] = frozenset(),
    leave: Leave = lambda manifest, _live, _former: manifest,
    refusals: Refusals = "raised",
) -> dict[ObjectId, Foreseen]:
    """What the server says about each of the manifests; `wished` is all that the plan wants.

    `former` are field managers whose fields become ours (see controller.apply.takeover); `leave` makes of a
    wish what is sent.

    Raises one error that names every object that can't be written, where refusals are raised: Terminal where
    correcting one of them is what helps, else Transient. Only a failure that is nothing of one object's own (no
    answer, told to wait) is raised alone.
    """
    pending = Pending(wished)
    # A Namespace that nobody asks about stands as it stood.
    unsure = Pending(manifests).namespaces & {manifest.id.namespace for manifest in manifests}
    absent = await _absent(cluster, unsure)
    questions = _Questions(cluster, pending.kinds, absent, former, leave)
    gate = asyncio.Semaphore(IN_FLIGHT)
    answers: dict[ObjectId, Foreseen] = {}
    refused: list[tuple[Manifest, str, ShipslogError]] = []

    async def question(manifest: Manifest) -> None:
        async with gate:
            try:
                answers[manifest.id] = await questions.ask(manifest)
            except (Unreachable, NotReady):
                raise
            except ShipslogError as error:
                said = f"{manifest.source}: {manifest.id}: {error}"
                refused.append((manifest, said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…", error))

    await together("foresee", (question(manifest) for manifest in manifests))
    changing = pending.changing(answers)
    held = [refusal for refusal in refused if not _may_pass(refusal, changing)]
    passing = [refusal[0] for refusal in refused if refusal not in held]

    async def judge(manifest: Manifest, error: ShipslogError) -> None:
        async with gate:
            if (judged := await questions.judged(manifest, error, refusals)) is not None:
                answers[manifest.id] = judged

    if refusals != "raised":
        await together("judge", (judge(manifest, error) for manifest, _, error in held))
        held = [refusal for refusal in held if refusal[0].id not in answers]
    if held:
        raise _refusal([(said, error) for _, said, error in held], len(wished))
    for manifest in passing:
        answers[manifest.id] = Foreseen(deferred=f"CustomResourceDefinition of {manifest.id.group_kind}")
    return answers


def _may_pass(refusal: tuple[Manifest, str, ShipslogError], changing: AbstractSet[GroupKind]) -> bool:
    """Whether the server will judge the object by a definition that the same plan changes: it is asked again then."""
    manifest, _, error = refusal
    return manifest.id.group_kind in changing and error.cause == "Invalid"


def _refusal(refused: Sequence[tuple[str, ShipslogError]], wished: int) -> ShipslogError:
    said = "; ".join(sorted(text for text, _ in refused))
    message = f"{len(refused)} of {wished} objects refused, nothing was written: {said}"
    causes = [error.cause for _, error in refused]
    if any(isinstance(error, Terminal) for _, error in refused):
        return Terminal(message, remedy=_remedy(causes), underlying=causes)
    return Transient(message, underlying=causes)


def _remedy(causes: Sequence[str]) -> str:
    return "" if set(causes) <= {"Forbidden", "Denied"} else "correct them in Git"


class Pending:
    """What a plan itself will bring: namespaces, and kinds by their definitions."""

    def __init__(self, wished: Sequence[Manifest]) -> None:
        self.namespaces = {wish.id.name for wish in wished if wish.id.group_kind == GroupKind("", "Namespace")}
        self.definitions = {
            defined.kind: wish.id for wish in wished if (defined := definition_of(wish.body)) is not None
        }
        self.kinds = self.definitions.keys()

    def changing(self, answers: Mapping[ObjectId, Foreseen]) -> frozenset[GroupKind]:
        """The kinds whose definitions the plan changes."""
        return frozenset(kind for kind, id_ in self.definitions.items() if id_ in answers and _differs(answers[id_]))


def _differs(foreseen: Foreseen) -> bool:
    live, predicted = foreseen.live or {}, foreseen.predicted or {}
    return live.get("spec") != predicted.get("spec")


class _Questions:
    """The questions about the objects of one plan."""

    def __init__(
        self,
        cluster: Cluster,
        kinds: AbstractSet[GroupKind],
        absent: AbstractSet[str],
        former: AbstractSet[str],
        leave: Leave,
    ) -> None:
        self._cluster = cluster
        self._kinds = kinds
        self._absent = absent
        self._former = former
        self._leave = leave

    async def ask(self, manifest: Manifest) -> Foreseen:
        try:
            options = options_of(manifest.body)
        except ValueError as error:
            raise Terminal(str(error)) from None
        if options.sync == "never":
            return Foreseen(untouched=f"{OBJECT_SYNC_ANNOTATION} is never")
        if await self._cluster.resource(manifest.api_version, manifest.id.kind) is None:
            if manifest.id.group_kind in self._kinds:
                return Foreseen(deferred=f"CustomResourceDefinition of {manifest.id.group_kind}")
            raise KindMissing(
                f"the cluster serves no kind {manifest.id.kind} in {manifest.api_version}",
                remedy="install its CustomResourceDefinition, or correct apiVersion and kind",
            )
        if manifest.id.namespace in self._absent:
            return Foreseen(deferred=f"Namespace {manifest.id.namespace}")
        if options.sync == "create-only":
            live = await self._cluster.get(manifest.id, manifest.api_version)
            if live is not None:
                return Foreseen(live, untouched=f"it exists, and {OBJECT_SYNC_ANNOTATION} is create-only")
        for _ in range(TRIES):
            foreseen = await self._tried(manifest, options)
            if _same_moment(foreseen):
                break
        return foreseen

    async def _tried(self, wish: Manifest, options: Options) -> Foreseen:
        """The answer to a dry run of the apply."""
        former = self._former if options.force and wish.owned else frozenset()
        manifest, live = await self._sent(wish, former)
        try:
            predicted = await self._cluster.apply(
                manifest.body, dry_run=True, force=options.force, manager=manifest.manager
            )
        except (Unreachable, NotReady):
            raise
        except ShipslogError as error:
            return await self._refused(manifest, live, error, replace=options.replace)
        if not predicted["metadata"].get("resourceVersion"):  # the server would create it: there is nothing to read
            return Foreseen(None, predicted)
        live = live or await self._cluster.get(manifest.id, manifest.api_version)
        sent = manifest.body if manifest is not wish else None
        if live is None:
            return Foreseen(live, predicted, sent=sent)
        if why := untouched(live):
            return Foreseen(live, untouched=why)
        if former and (taken := takeover(live, predicted, former)):
            return Foreseen(live, taken[1], takeover=taken[0], sent=sent)
        return Foreseen(live, predicted, sent=sent)

    async def _refused(self, manifest: Manifest, live: Json | None, error: ShipslogError, *, replace: bool) -> Foreseen:
        """What to make of a refusal: none of one where the live object says that it is not to be written."""
        with contextlib.suppress(ShipslogError):  # then the refusal itself is what there is to say
            live = live or await self._cluster.get(manifest.id, manifest.api_version)
        if live is not None and (why := untouched(live)):
            return Foreseen(live, untouched=why)
        if live is not None and replace and isinstance(error, Unchangeable):
            return await replacement(self._cluster, manifest, live, error)
        raise error

    async def judged(self, wish: Manifest, error: ShipslogError, refusals: Refusals) -> Foreseen | None:
        """What stands of a wish that the server refuses; None where that can't be told and is not to be left alone."""
        alone = Foreseen(untouched=str(error)) if refusals == "left" else None
        if isinstance(error, KindMissing) or (refusals == "judged" and not isinstance(error, Terminal)):
            return alone
        try:
            options = options_of(wish.body)
            manifest, live = await self._sent(wish, frozenset())
            live = live or await self._cluster.get(manifest.id, manifest.api_version)
        except (Unreachable, NotReady):
            raise
        except (ValueError, ShipslogError):
            return alone
        sent = manifest.body if manifest is not wish else None
        predicted = None
        if live is not None and not options.force and error.cause == TAKEN:
            with contextlib.suppress(ShipslogError):  # asked, and never done
                predicted = await self._cluster.apply(manifest.body, dry_run=True, force=True, manager=manifest.manager)
        return Foreseen(live, predicted, sent=sent, refused=str(error))

    async def _sent(self, wish: Manifest, former: AbstractSet[str]) -> tuple[Manifest, Json | None]:
        """The wish as it is sent, and the live object where that had to be read first."""
        if not wish.ignored:
            return wish, None
        live = await self._cluster.get(wish.id, wish.api_version)
        return self._leave(wish, live, former), live


def _same_moment(foreseen: Foreseen) -> bool:
    """Whether both answers are about the same live object: else somebody wrote it between the two questions."""
    if foreseen.live is None or foreseen.predicted is None or foreseen.takeover or foreseen.replaces:
        return True
    live, predicted = foreseen.live["metadata"], foreseen.predicted["metadata"]
    return bool(live.get("resourceVersion") == predicted.get("resourceVersion"))


async def _absent(cluster: Cluster, namespaces: Iterable[str]) -> set[str]:
    """Those namespaces that do not exist: no dry run is possible in them."""
    absent: set[str] = set()

    async def question(name: str) -> None:
        if await cluster.get(ObjectId("", "Namespace", "", name), "v1") is None:
            absent.add(name)

    await together("namespace", (question(name) for name in namespaces))
    return absent
