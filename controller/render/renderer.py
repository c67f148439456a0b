"""From a commit's tree and parameters to objects, at the cost of what changed."""

from __future__ import annotations

import hashlib
import weakref
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from controller.render.cache import Cache, Entry, identify, identify_path
from controller.render.errors import EngineError, RenderError
from controller.render.lookup import Lookup
from controller.render.protocol import Answer, Found, SentRequest, decode_answer
from controller.render.refusals import Refusals
from controller.render.request import EngineRequest, Helm, Rendered, RenderedObject, RenderRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from controller.render.pool import EnginePool
    from controller.render.tree import Tree

__all__ = ["RenderRequest", "Rendered", "RenderedObject", "Renderer"]

KUSTOMIZATIONS = {"kustomization.yaml", "kustomization.yml", "Kustomization"}
"""Names of the file that makes a directory a kustomization."""

_canonical = msgspec.json.Encoder(order="sorted")


class Keys(NamedTuple):
    """The keys of one request, by what its result may depend on.

    Only a chart sees `helm`, the release's name among it; only a chart that asks for it sees the cluster.
    """

    files: bytes
    chart: bytes
    cluster: bytes


class Renderer:
    """Renders through a pool, and remembers answers by content.

    An answer counts again when everything it depended on has the same object ids, in whatever commit: a commit
    elsewhere costs a few look-ups.
    """

    def __init__(
        self,
        pool: EnginePool,
        *,
        cache_bytes: int = 256 << 20,
        on_render: Callable[[str, str], None] = lambda _kind, _result: None,
    ) -> None:
        """Render through `pool`, keeping up to `cache_bytes` of answers.

        `on_render(kind, result)` is told of every rendering the engine was asked for: `success`, `invalid` (the
        input's fault) or `failed` (the engine's).
        """
        self._pool = pool
        self._on_render = on_render
        self._cache = Cache(cache_bytes)
        self._refusals = Refusals()
        self.hits = 0
        """Requests answered without rendering: by an answer, or by a refusal."""
        self.misses = 0
        """Requests rendered, also those that failed."""

    @property
    def cached_bytes(self) -> int:
        """Bytes that the cache takes, about."""
        return self._cache.bytes

    async def render(self, tree: Tree, request: RenderRequest) -> Rendered:
        """Return the objects of one directory.

        Raises:
            RenderError: The input is wrong, or takes more than it may.
            EngineError: There is no engine to render with.
            ShipslogError: The tree could not be read.
        """
        asked = request.for_engine()
        keys = await self._keys(asked)
        entry = await self._cache.find(keys, tree)
        if entry is not None:
            self.hits += 1
            return _rendered(entry)
        refusal = (keys.cluster, await identify_path(tree, ""))
        known = self._refusals.find(refusal)
        if known is not None:
            self.hits += 1
            raise known
        self.misses += 1
        try:
            answer = await self._ask(tree, asked, request.tenant)
        except RenderError as error:
            self._refusals.put(refusal, error)
            raise
        entry, key = await self._entry(tree, asked, answer, keys)
        if entry.keep:  # someone else may have been first: theirs is the one result of this content
            entry = await self._cache.find([key], tree) or entry
        self._cache.put(key, entry)
        return _rendered(entry)

    async def _keys(self, asked: EngineRequest) -> Keys:
        """Return the keys of everything but content."""
        version = (await self._pool.version()).encode()

        def key(request: EngineRequest) -> bytes:
            return hashlib.sha256(version + _canonical.encode(request)).digest()

        chart = msgspec.structs.replace(asked, kube_version="", api_versions=())
        return Keys(key(msgspec.structs.replace(chart, helm=Helm())), key(chart), key(asked))

    async def _ask(self, tree: Tree, asked: EngineRequest, tenant: str) -> bytes:
        if ".." in asked.root.split("/"):
            raise RenderError(f"{asked.root} is outside the repository", remedy="correct spec.source.path")
        lookup = Lookup(tree, asked.limits)
        fields = {name: getattr(asked, name) for name in EngineRequest.__struct_fields__}
        preload = await lookup.directory(asked.root)
        kind = asked.kind if asked.kind != "auto" else _detected(preload)
        try:
            answer = await self._pool.render(SentRequest(**fields, preload=preload), lookup, tenant)
        except (RenderError, EngineError) as error:
            self._on_render(kind, "invalid" if isinstance(error, RenderError) else "failed")
            raise
        self._on_render(kind, "success")
        return answer

    async def _entry(self, tree: Tree, asked: EngineRequest, raw: bytes, keys: Keys) -> tuple[Entry, bytes]:
        answer = decode_answer(raw)
        entry = Entry(
            answer=raw,
            digest=_digest(answer),
            root=asked.root,
            root_id=await identify_path(tree, asked.root),
            dependencies=tuple([(one, await identify(tree, one)) for one in answer.dependencies]),
            keep=answer.nondeterministic,
        )
        if answer.kind != "helm":
            return entry, keys.files
        return entry, keys.cluster if answer.capabilities else keys.chart


def _detected(listing: Found | None) -> str:
    """What the engine will take a directory for, by the files in it; told also of what it can't render."""
    names = {entry.path for entry in listing.entries if entry.kind == "blob"} if listing else set()
    if "Chart.yaml" in names:
        return "helm"
    return "kustomize" if names & KUSTOMIZATIONS else "plain"


def _digest(answer: Answer) -> str:
    bodies = sorted(_canonical.encode((one.body, one.hook, one.secret, one.placed)) for one in answer.objects)
    return hashlib.sha256(b"\n".join(bodies)).hexdigest()


def _rendered(entry: Entry) -> Rendered:
    held = entry.rendered()
    if held is not None:
        return held
    answer = decode_answer(entry.answer)
    rendered = Rendered(
        objects=answer.objects,
        kind=answer.kind,
        warnings=answer.warnings,
        dependencies=answer.dependencies,
        digest=entry.digest,
        nondeterministic=answer.nondeterministic,
    )
    entry.rendered = weakref.ref(rendered)
    return rendered
