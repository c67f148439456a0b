"""What the words of gpg and ssh-keygen are taken for, and what is a public key."""

from __future__ import annotations

import base64

import pytest

from controller.fetch.errors import GitFailure
from controller.fetch.signature import read_keys, verdict

FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"
VALID = f"[GNUPG:] VALIDSIG {FINGERPRINT} 2026-11-24 1 0 4 0 22 10 00 {FINGERPRINT}\n"
GOOD = "[GNUPG:] GOODSIG 89ABCDEF01234567 Alice <alice@shipslog.dev>\n" + VALID
SSH = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0V1ZcTx5xJq4W5n0sQ8b1dQw5t3B3l0n5c7o8uG3yB"


def test_a_good_signature_names_its_signer() -> None:
    """By user id and the primary key's fingerprint, or by name and fingerprint of an SSH key."""
    assert verdict(0, GOOD) == ("", "Alice <alice@shipslog.dev>", FINGERPRINT)
    assert verdict(0, 'Good "git" signature for a.pub with ED25519 key SHA256:abc\n') == ("", "a.pub", "SHA256:abc")


@pytest.mark.parametrize(
    ("code", "text", "problem"),
    [
        (1, "", "is not signed"),
        (1, "error: no signature found", "is not signed"),
        (0, "nothing of a signature", "does not fit"),
        (1, GOOD, "does not fit"),
        (1, "[GNUPG:] BADSIG 89ABCDEF01234567 Alice", "does not fit"),
        (
            1,
            "[GNUPG:] ERRSIG 89ABCDEF01234567 22 10 00 1 9 -\n[GNUPG:] NO_PUBKEY 89ABCDEF01234567",
            "not among them: 89AB",
        ),
        (0, GOOD.replace("GOODSIG", "EXPKEYSIG"), "expired or was revoked"),
        (0, GOOD.replace("GOODSIG", "REVKEYSIG"), "expired or was revoked"),
        (1, 'Good "git" signature with ED25519 key SHA256:abc\nNo principal matched.', "not among them: SHA256:abc"),
    ],
)
def test_anything_else_is_a_problem(code: int, text: str, problem: str) -> None:
    """Also a good word of the program that git did not take for good."""
    found = verdict(code, text)

    assert problem in found.problem
    assert (found.signer, found.fingerprint) == ("", "")


def test_a_missing_program_is_no_verdict() -> None:
    """Nothing is called unsigned because nobody could look."""
    with pytest.raises(GitFailure, match="verifier"):
        verdict(1, "error: cannot run gpg: No such file or directory")


def test_keys_of_both_kinds_are_read_from_any_number_of_texts() -> None:
    """OpenPGP keys go into one ring; an SSH key is called by its name in the Secret, and counts for Git alone."""
    block = base64.b64encode(b"packets").decode()
    armour = f"-----BEGIN PGP PUBLIC KEY BLOCK-----\nComment: x\n\n{block}\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n"

    keys = read_keys([("a.asc", armour + "# a comment\n" + armour), ("the team.pub", f"{SSH} alice@host\n")])

    assert keys.openpgp == b"packetspackets"
    assert keys.ssh == f'the_team.pub namespaces="git" {SSH}\n'


@pytest.mark.parametrize(
    "text", ["", "# nothing", "no key", f"cert-authority {SSH}", f'* namespaces="file" {SSH}', SSH[:20]]
)
def test_what_is_no_public_key_is_refused(text: str) -> None:
    """Options in front of a key would have a meaning of their own in an allowed signers file."""
    with pytest.raises(ValueError, match="the-name holds"):
        read_keys([("the-name", text)])
