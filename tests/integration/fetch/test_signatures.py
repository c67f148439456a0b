"""Signatures of commits and tags, made by real gpg and ssh-keygen."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from controller.fetch import errors
from controller.model.ref import Ref
from controller.model.repository import Repository, SecretRef, Verification
from tests.ground.git_repository import git
from tests.ground.git_signing import Signer, stop_agent
from tests.ground.git_ssh import tools_on_path
from tests.integration.fetch.conftest import SHOP, News, repositories, repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from controller.fetch.repository import Repositories
    from tests.integration.fetch.conftest import Shop


@pytest.fixture(params=["openpgp", "ssh"])
def signers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Signer, Signer]]:
    """Two people with keys of one kind."""
    tools_on_path()
    if request.param == "ssh":
        yield Signer.ssh("alice", tmp_path / "alice"), Signer.ssh("mallory", tmp_path / "mallory")
        return
    with tempfile.TemporaryDirectory(prefix="gpg-") as place:
        homes = Path(place) / "a", Path(place) / "m"
        try:
            yield Signer.openpgp("alice", homes[0]), Signer.openpgp("mallory", homes[1])
        finally:
            for home in homes:
                stop_agent(home)


def _asking(url: str, mode: str) -> Repository:
    verify = Verification(mode=mode, secret_ref=SecretRef(name="keys"))  # type: ignore[arg-type]
    return repository(url, verify=verify)


async def _refused(opened: Repositories, ref: Ref) -> str:
    with pytest.raises(errors.SignatureRefused) as caught:
        await opened.revision(SHOP, ref, fresh_since=asyncio.get_running_loop().time())
    assert "spec.verify" in caught.value.message
    return str(caught.value)


async def test_a_commit_needs_a_signature_by_a_known_key(
    shop: Shop, signers: tuple[Signer, Signer], tmp_path: Path
) -> None:
    """The verdict names signer and key; unsigned and a stranger's are refused, until the stranger's key is known."""
    alice, mallory = signers
    news = News()
    async with repositories(tmp_path / "mirrors", news) as opened:
        opened.ensure(_asking(shop.url, "head"), keys=[("alice.pub", alice.public)])
        assert "is not signed (sign it with a key of Secret team-pay/keys" in await _refused(opened, Ref())

        good = await asyncio.to_thread(alice.commit, shop.work, {"a.yaml": "a: 2"}, "Signed")
        found = await opened.revision(SHOP, Ref(), fresh_since=asyncio.get_running_loop().time())
        assert found.sha == good
        assert found.signature is not None
        assert found.signature.mode == "head"
        assert "alice" in found.signature.signer
        assert len(found.signature.fingerprint) >= 40

        bad = await asyncio.to_thread(mallory.commit, shop.work, {"a.yaml": "a: 3"}, "By a stranger")
        assert "is signed by a key that is not among them" in await _refused(opened, Ref())
        assert (await opened.revision(SHOP, Ref(commit=good))).signature == found.signature

        news.changes.clear()
        opened.ensure(_asking(shop.url, "head"), keys=[("a", alice.public), ("m", mallory.public)])
        assert SHOP in news.changes
        found = await opened.revision(SHOP, Ref())
        assert found.sha == bad
        assert found.signature is not None
        assert found.signature.signer.startswith("m")


async def test_a_tag_needs_a_signature_of_its_own(shop: Shop, signers: tuple[Signer, Signer], tmp_path: Path) -> None:
    """A branch is no tag, a light tag carries no signature, and a signed tag counts under its own name only."""
    alice, mallory = signers
    await asyncio.to_thread(shop.work.tag, "v1.0.0")
    await asyncio.to_thread(shop.work.push, "v1.0.0")
    signed = await asyncio.to_thread(alice.tag, shop.work, "v1.1.0")
    await asyncio.to_thread(mallory.tag, shop.work, "v1.2.0")
    await asyncio.to_thread(git, "push", "-q", "origin", f"{signed}:refs/tags/v9.0.0", cwd=shop.work.path)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(_asking(shop.url, "tag"), keys=[("alice.pub", alice.public)])
        assert "refs/heads/main is no tag" in await _refused(opened, Ref())
        assert "not annotated" in await _refused(opened, Ref(tag="v1.0.0"))
        assert "not among them" in await _refused(opened, Ref(tag="v1.2.0"))
        assert "tag v9.0.0 is signed as 'v1.1.0'" in await _refused(opened, Ref(semver="*"))
        found = await opened.revision(SHOP, Ref(semver="1.1.x"))
        assert found.signature is not None
        assert found.signature.mode == "tag"

        opened.ensure(_asking(shop.url, "tagAndHead"), keys=[("alice.pub", alice.public)])
        assert f"commit {shop.first} is not signed" in await _refused(opened, Ref(tag="v1.1.0"))
        good = await asyncio.to_thread(alice.commit, shop.work, {"a.yaml": "a: 2"}, "Signed")
        await asyncio.to_thread(alice.tag, shop.work, "v2.0.0")
        opened.poll(SHOP)
        found = await opened.revision(SHOP, Ref(tag="v2.0.0"), fresh_since=asyncio.get_running_loop().time())
        assert found.sha == good


async def test_a_signature_moved_to_other_content_is_refused(
    shop: Shop, signers: tuple[Signer, Signer], tmp_path: Path
) -> None:
    """The signature is checked against the content, not looked for."""
    alice, _ = signers
    await asyncio.to_thread(alice.commit, shop.work, {"a.yaml": "a: 2"}, "Signed")
    text = await asyncio.to_thread(git, "cat-file", "commit", "HEAD", cwd=shop.work.path)
    forged = tmp_path / "forged"
    forged.write_text(text.replace("\nSigned", "\nForged") + "\n", encoding="utf-8")
    sha = await asyncio.to_thread(git, "hash-object", "-t", "commit", "-w", str(forged), cwd=shop.work.path)
    await asyncio.to_thread(git, "push", "-q", "-f", "origin", f"{sha}:refs/heads/main", cwd=shop.work.path)
    async with repositories(tmp_path / "mirrors") as opened:
        opened.ensure(_asking(shop.url, "head"), keys=[("alice.pub", alice.public)])

        assert "does not fit its content" in await _refused(opened, Ref())


async def test_keys_that_are_none_are_said(shop: Shop, tmp_path: Path) -> None:
    """The name in the Secret is told, never the content: it may be a private key."""
    async with repositories(tmp_path / "mirrors") as opened:
        for text in (
            "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA",
            "",
            "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n%%\n-----END PGP PUBLIC KEY BLOCK-----",
        ):
            opened.ensure(_asking(shop.url, "head"), keys=[("alice.pub", text)])
            with pytest.raises(errors.SecretUnusable, match=r"Secret team-pay/keys: alice.pub holds") as caught:
                await opened.revision(SHOP, Ref())
            assert "AAAA" not in str(caught.value)
