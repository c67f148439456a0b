"""Whose signature a commit or tag carries: checked by git with gpg and ssh-keygen, which know the given keys alone.

Blocking: runs on a thread. The key ring is made anew in a directory of its own for each check; it holds public keys.
"""

from __future__ import annotations

import base64
import binascii
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from controller.fetch.errors import GitFailure
from controller.fetch.failure import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from controller.fetch.command import Command

_SECONDS = 30.0
_ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*\n(?:[^\n]*:[^\n]*\n)*\s*\n?(.*?)(?:\n=[A-Za-z0-9+/]{4})?\s*"
    r"-----END PGP PUBLIC KEY BLOCK-----",
    re.DOTALL,
)
_SSH = re.compile(r"^((?:ssh|sk-ssh|ecdsa-sha2|sk-ecdsa-sha2)-[a-z0-9@.-]+) ([A-Za-z0-9+/]{40,}={0,2})(?: .*)?$")
_NOT_A_NAME = re.compile(r"[^A-Za-z0-9._@-]")
_VALID = re.compile(r"^\[GNUPG:\] VALIDSIG (?:\S+ ){9}([0-9A-F]{40,64})$", re.MULTILINE)
_SIGNER = re.compile(r"^\[GNUPG:\] GOODSIG \S+ (.*)$", re.MULTILINE)
_MISSING = re.compile(r"^\[GNUPG:\] (?:NO_PUBKEY|ERRSIG) ([0-9A-F]{16,64})", re.MULTILINE)
_OLD = re.compile(r"^\[GNUPG:\] (?:EXPSIG|EXPKEYSIG|REVKEYSIG) ", re.MULTILINE)
_GOOD_SSH = re.compile(r'^Good "git" signature for (\S+) with \S+ key (SHA256:\S+)$', re.MULTILINE)
_OTHER_SSH = re.compile(r'^Good "git" signature with \S+ key (SHA256:\S+)$', re.MULTILINE)
# Nothing is fetched, started or asked for; whoever is in the ring is trusted.
_GPG_CONF = (
    "batch\nno-tty\nno-autostart\nno-auto-key-retrieve\nauto-key-locate local\ndisable-dirmngr\ntrust-model always\n"
)

Kind = Literal["commit", "tag"]


class Verdict(NamedTuple):
    """What a check found. `problem` is empty for a good signature by one of the keys."""

    problem: str = ""
    signer: str = ""
    """Name in the Secret of an SSH key; user id of an OpenPGP key."""
    fingerprint: str = ""


class Keys(NamedTuple):
    """Public keys, as the programs take them."""

    openpgp: bytes
    """A key ring (RFC 9580, transferable public keys one behind the other)."""
    ssh: str
    """An allowed signers file (ssh-keygen(1))."""


def read_keys(texts: Iterable[tuple[str, str]]) -> Keys:
    """Read public keys, each with its name in the Secret.

    Raises:
        ValueError: a text holds none, or something that is none; the message names it.
    """
    ring, signers = b"", ""
    for name, text in texts:
        blocks = _ARMOUR.findall(text)
        for block in blocks:
            try:
                ring += base64.b64decode("".join(block.split()), validate=True)
            except binascii.Error:
                raise ValueError(f"{name} holds a PGP public key block that is no base64") from None
        rest = _ARMOUR.sub("", text)
        lines = [line.strip() for line in rest.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        for line in lines:
            key = _SSH.match(line)
            if key is None:
                raise ValueError(f"{name} holds a line that is no public key")
            signers += f'{_NOT_A_NAME.sub("_", name)} namespaces="git" {key[1]} {key[2]}\n'
        if not blocks and not lines:
            raise ValueError(f"{name} holds no public key")
    return Keys(ring, signers)


def check(command: Command, environment: Mapping[str, str], kind: Kind, sha: str, keys: Keys) -> Verdict:
    """Check the signature of one object of the mirror.

    Raises:
        GitFailure: git can't be run; `verifier` where gpg or ssh-keygen can't.
    """
    with tempfile.TemporaryDirectory(prefix="shipslog-keys-") as place:
        home = Path(place)
        (home / "gpg.conf").write_text(_GPG_CONF, encoding="utf-8")
        (home / "pubring.gpg").write_bytes(keys.openpgp)
        (home / "signers").write_text(keys.ssh, encoding="utf-8")
        options = ("gpg.program=gpg", "gpg.x509.program=false", "gpg.ssh.program=ssh-keygen")
        arguments = [
            part for option in (*options, f"gpg.ssh.allowedSignersFile={home / 'signers'}") for part in ("-c", option)
        ]
        output = command.run(
            [*arguments, f"verify-{kind}", "--raw", sha], {**environment, "GNUPGHOME": place}, _SECONDS
        )
    return verdict(output.code, output.stderr)


def verdict(code: int, text: str) -> Verdict:
    """What `git verify-commit --raw` or `verify-tag --raw` said.

    Raises:
        GitFailure: `verifier`: a program is missing.
    """
    if "cannot run" in text or "cannot exec" in text:
        raise GitFailure("verifier", printable(text))
    if _OLD.search(text):
        return Verdict("is signed by a key that has expired or was revoked")
    ssh = _GOOD_SSH.search(text)
    valid = _VALID.search(text)
    if code == 0 and ssh:
        return Verdict("", ssh[1], ssh[2])
    if code == 0 and valid:
        signer = _SIGNER.search(text)
        return Verdict("", printable(signer[1], 200) if signer else "", valid[1])
    if missing := _MISSING.search(text) or _OTHER_SSH.search(text):
        return Verdict(f"is signed by a key that is not among them: {missing[1]}")
    if not text.strip() or "no signature found" in text:
        return Verdict("is not signed")
    return Verdict("has a signature that does not fit its content")
