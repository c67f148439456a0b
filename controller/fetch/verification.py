"""Whether a revision carries the signatures that its Repository asks for (spec.verify)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from controller.fetch.errors import GitFailure, SecretUnusable, SignatureRefused
from controller.fetch.failure import error_of
from controller.fetch.signature import Verdict, read_keys
from controller.model.revision import Revision, Signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from controller.fetch.mirror import Mirror
    from controller.fetch.signature import Keys, Kind
    from controller.fetch.survey import Answer
    from controller.model.repository import Repository, Verification


async def verified(
    answer: Answer, mirror: Mirror, repository: Repository, texts: Sequence[tuple[str, str]]
) -> Revision:
    """The answer's revision, with the signature that was found good where the Repository asks for one.

    Raises:
        SignatureRefused: it is not signed, not by one of these keys, or is named by no annotated tag where one must be.
        SecretUnusable: the keys are none.
        ShipslogError: it can't be checked.
    """
    assert answer.revision is not None  # noqa: S101 - looked at by the caller
    wanted = repository.spec.verify
    if wanted is None:
        return answer.revision
    check = _Check(answer, answer.revision, mirror, repository, wanted)
    try:
        keys = read_keys(texts)
    except ValueError as error:
        place = f"spec.verify.secretRef: Secret {repository.key.namespace}/{wanted.secret_ref.name}"
        raise SecretUnusable(
            f"Repository {repository.key}: {place}: {error}", remedy="store public keys, OpenPGP in armour or SSH"
        ) from None
    try:
        found = await check.run(keys)
    except GitFailure as failure:
        raise error_of(failure, repository) from None
    signature = Signature(mode=wanted.mode, signer=found.signer, fingerprint=found.fingerprint)
    return msgspec.structs.replace(answer.revision, signature=signature)


class _Check:
    def __init__(
        self, answer: Answer, revision: Revision, mirror: Mirror, repository: Repository, wanted: Verification
    ) -> None:
        self._answer = answer
        self._revision = revision
        self._mirror = mirror
        self._repository = repository
        self._wanted = wanted

    async def run(self, keys: Keys) -> Verdict:
        found = Verdict()
        if self._wanted.mode != "head":
            found = await self._tag(keys)
        if self._wanted.mode != "tag":
            found = await self._signed("commit", self._revision.sha, f"commit {self._revision.sha}", keys)
        return found

    async def _tag(self, keys: Keys) -> Verdict:
        ref, sha = self._revision.ref, self._answer.tag
        if not ref.startswith("refs/tags/"):
            raise self._refused(f"{ref} is no tag", "follow a tag or a range of versions in spec.source.ref")
        name = ref.removeprefix("refs/tags/")
        if not sha:
            raise self._refused(f"tag {name} is not annotated, so nobody signed it", "sign it: git tag -s")
        own = await self._mirror.tag_name(sha)
        if own != name:
            # Else whoever may push could hang a signed tag of an old version under the name of a new one.
            raise self._refused(f"tag {name} is signed as {own!r}", "push the tag under its own name")
        return await self._signed("tag", sha, f"tag {name}", keys)

    async def _signed(self, kind: Kind, sha: str, what: str, keys: Keys) -> Verdict:
        found = await self._mirror.signature(kind, sha, keys)
        if found.problem:
            raise self._refused(
                f"{what} {found.problem}", f"sign it with a key of {self._secret}, or add the key there"
            )
        return found

    @property
    def _secret(self) -> str:
        return f"Secret {self._repository.key.namespace}/{self._wanted.secret_ref.name}"

    def _refused(self, what: str, remedy: str) -> SignatureRefused:
        return SignatureRefused(f"Repository {self._repository.key}: spec.verify: {what}", remedy=remedy)
