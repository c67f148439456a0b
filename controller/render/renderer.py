"""From a commit's tree and parameters to objects, at the cost of what changed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from controller.render.cache import Cache, Entry, identify, identify_path
from controller.render.lookup import Lookup
from controller.render.protocol import Answer, SentRequest, decode_answer
from controller.render.request import Rendered, RenderRequest

if TYPE_CHECKING:
    from controller.render.pool import EnginePool
    from controller.render.tree import Tree

_canonical = msgspec.json.Encoder(order="sorted")


class Renderer:
    """Renders through a pool, and remembers answers by content.

    An answer counts again when everything it depended on has the same object ids, in whatever commit: a commit
    elsewhere costs a few look-ups.
    """

    def __init__(self, pool: EnginePool, *, cache_bytes: int = 256 << 20) -> None:
        """Render through `pool`, keeping up to `cache_bytes` of answers."""
        self._pool = pool
        self._cache = Cache(cache_bytes)
        self.hits = 0
        """Requests answered without rendering."""
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
        """
        request = _normalised(request)
        key, capabilities = await self._key(request)
        entry = await self._cache.find(key, tree, capabilities)
        if entry is not None:
            self.hits += 1
            return _rendered(decode_answer(entry.answer), entry.digest)
        self.misses += 1
        return await self._render(tree, request, key, capabilities)

    async def _render(self, tree: Tree, request: RenderRequest, key: bytes, capabilities: str) -> Rendered:
        lookup = Lookup(tree, request.limits)
        sent = SentRequest(**{f: getattr(request, f) for f in RenderRequest.__struct_fields__})
        sent = msgspec.structs.replace(sent, preload=await lookup.directory(request.root))
        raw = await self._pool.render(sent, lookup)
        answer = decode_answer(raw)
        digest = _digest(answer)
        entry = Entry(
            answer=raw,
            digest=digest,
            capabilities=capabilities if answer.kind == "helm" else "",
            root=request.root,
            root_id=await identify_path(tree, request.root),
            dependencies=tuple([(d, await identify(tree, d)) for d in answer.dependencies]),
            keep=answer.nondeterministic,
        )
        if answer.nondeterministic:  # someone else may have been first: theirs is the one result of this content
            first = await self._cache.find(key, tree, capabilities)
            if first is not None:
                return _rendered(decode_answer(first.answer), first.digest)
        self._cache.put(key, entry)
        return _rendered(answer, digest)

    async def _key(self, request: RenderRequest) -> tuple[bytes, str]:
        """Return the key of everything but content, and what a chart's capabilities are, which only charts see."""
        plain = msgspec.structs.replace(request, kube_version="", api_versions=())
        key = hashlib.sha256((await self._pool.version()).encode() + _canonical.encode(plain)).digest()
        return key, " ".join((request.kube_version, *sorted(request.api_versions)))


def _normalised(request: RenderRequest) -> RenderRequest:
    """Return the request with its root as trees name it; `..` stays and is refused there."""
    parts = [part for part in request.root.split("/") if part not in ("", ".")]
    return msgspec.structs.replace(request, root="/".join(parts))


def _digest(answer: Answer) -> str:
    bodies = sorted(_canonical.encode((one.body, one.hook)) for one in answer.objects)
    return hashlib.sha256(b"\n".join(bodies)).hexdigest()


def _rendered(answer: Answer, digest: str) -> Rendered:
    return Rendered(
        objects=answer.objects,
        kind=answer.kind,
        warnings=answer.warnings,
        dependencies=answer.dependencies,
        digest=digest,
        nondeterministic=answer.nondeterministic,
    )
