"""Ask the server what an apply would do: the live object, and a dry run of the apply."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from controller.apply.together import together
from controller.errors import Terminal
from controller.model.live import Foreseen
from controller.model.objects import GroupKind, ObjectId

if TYPE_CHECKING:
    from controller.model.manifest import Manifest
    from controller.ports import Cluster

IN_FLIGHT = 50
"""Questions of one plan under way at once; the client bounds a cluster's requests as a whole."""


async def foresee(
    cluster: Cluster, manifests: Sequence[Manifest], *, wished: Sequence[Manifest]
) -> dict[ObjectId, Foreseen]:
    """What the server says about each of the manifests; `wished` is all that the plan wants.

    Raises Terminal that names every invalid object at once, or the first failure of another fate.
    """
    pending = Pending(wished)
    absent = await _absent(cluster, pending.namespaces & {manifest.id.namespace for manifest in manifests})
    gate = asyncio.Semaphore(IN_FLIGHT)
    answers: dict[ObjectId, Foreseen] = {}
    invalid: list[str] = []

    async def question(manifest: Manifest) -> None:
        async with gate:
            try:
                answers[manifest.id] = await _ask(cluster, manifest, pending.kinds, absent)
            except Terminal as error:
                invalid.append(f"{manifest.source}: {manifest.id}: {error}")

    await together("foresee", (question(manifest) for manifest in manifests))
    if invalid:
        raise Terminal(
            f"{len(invalid)} of {len(wished)} objects refused, nothing was written: " + "; ".join(sorted(invalid)),
            remedy="correct them in Git",
        )
    return answers


class Pending:
    """What a plan itself will bring: namespaces, and kinds by their definitions."""

    def __init__(self, wished: Sequence[Manifest]) -> None:
        self.namespaces = {wish.id.name for wish in wished if wish.id.group_kind == GroupKind("", "Namespace")}
        self.kinds = {
            GroupKind(wish.body["spec"]["group"], wish.body["spec"]["names"]["kind"])
            for wish in wished
            if wish.id.kind == "CustomResourceDefinition" and "names" in wish.body.get("spec", {})
        }


async def _ask(
    cluster: Cluster, manifest: Manifest, kinds: AbstractSet[GroupKind], absent: AbstractSet[str]
) -> Foreseen:
    if await cluster.resource(manifest.api_version, manifest.id.kind) is None:
        if manifest.id.group_kind in kinds:
            return Foreseen(deferred=f"CustomResourceDefinition of {manifest.id.group_kind}")
        raise Terminal(
            f"the cluster serves no kind {manifest.id.kind} in {manifest.api_version}",
            remedy="install its CustomResourceDefinition, or correct apiVersion and kind",
        )
    if manifest.id.namespace in absent:
        return Foreseen(deferred=f"Namespace {manifest.id.namespace}")
    predicted = await cluster.apply(manifest.body, dry_run=True)
    if not predicted["metadata"].get("resourceVersion"):  # the server would create it: there is nothing to read
        return Foreseen(None, predicted)
    return Foreseen(await cluster.get(manifest.id, manifest.api_version), predicted)


async def _absent(cluster: Cluster, namespaces: Iterable[str]) -> set[str]:
    """Those namespaces that do not exist: no dry run is possible in them."""
    absent: set[str] = set()

    async def question(name: str) -> None:
        if await cluster.get(ObjectId("", "Namespace", "", name), "v1") is None:
            absent.add(name)

    await together("namespace", (question(name) for name in namespaces))
    return absent
