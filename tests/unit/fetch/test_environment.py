"""What git's processes are told, and what is kept from them and from logs."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from controller.fetch import environment
from controller.fetch.login import login, redacted
from controller.fetch.memfile import MemoryFiles
from controller.model.repository import Credentials, Proxy

MIRROR = Path("/mirrors/x.git")
LOGIN = Credentials("reader", "s3cret/wörd")


def _config(variables: dict[str, str]) -> dict[str, str]:
    count = int(variables["GIT_CONFIG_COUNT"])
    return {variables[f"GIT_CONFIG_KEY_{i}"]: variables[f"GIT_CONFIG_VALUE_{i}"] for i in range(count)}


def test_git_reads_no_configuration_but_ours() -> None:
    """Nothing of the machine or a user changes what we do."""
    variables = environment.local(MIRROR)

    assert variables["GIT_CONFIG_NOSYSTEM"] == "1"
    assert variables["GIT_CONFIG_GLOBAL"] == "/dev/null"
    assert variables["GIT_TERMINAL_PROMPT"] == "0"
    assert _config(variables)["core.hooksPath"] == "/dev/null"
    assert _config(variables)["gc.auto"] == "0"


def test_file_urls_are_a_protocol_only_where_they_are_allowed() -> None:
    """Whoever may write a Repository could read the Pod's files by them."""
    plain = environment.remote(MIRROR, None, file_urls=False)
    with_files = environment.remote(MIRROR, None, file_urls=True)

    assert plain["GIT_ALLOW_PROTOCOL"] == "http:https:ssh"
    assert with_files["GIT_ALLOW_PROTOCOL"] == "http:https:ssh:file"


def test_the_password_stands_in_one_variable_and_the_helper_is_bound_to_the_host() -> None:
    """No configuration value holds it; another host, port or scheme has no helper."""
    granted = login("https://git.example.org:8443/a/b.git", LOGIN, MemoryFiles())
    variables = environment.remote(MIRROR, granted, file_urls=False)

    assert [name for name, value in variables.items() if LOGIN.password in value] == ["SHIPSLOG_GIT_PASSWORD"]
    helpers = [key for key, value in _config(variables).items() if key.startswith("credential.") and value[:1] == "!"]
    assert helpers == ["credential.https://git.example.org:8443.helper"]


def test_git_does_not_get_our_own_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger's password is nothing for git's processes."""
    monkeypatch.setenv("SHIPSLOG_DATABASE_URL", "postgresql://writer:secret@db/ledger")

    assert environment.local(MIRROR)["SHIPSLOG_DATABASE_URL"] == ""
    assert environment.remote(MIRROR, None, file_urls=False)["SHIPSLOG_DATABASE_URL"] == ""


@pytest.mark.parametrize("mark", ["\n", "\r", "\0"])
def test_a_line_break_in_a_password_is_refused(mark: str) -> None:
    """It would add a line of its own to git's credential protocol."""
    with pytest.raises(ValueError, match="line break"):
        login("https://x/y", Credentials("reader", f"a{mark}b"), MemoryFiles())
    with pytest.raises(ValueError, match="line break"):
        login("https://x/y", Credentials(bearer_token=f"a{mark}b"), MemoryFiles())


def test_no_form_of_the_password_is_left_in_a_text() -> None:
    """A server may echo what it was sent."""
    basic = base64.b64encode(f"{LOGIN.username}:{LOGIN.password}".encode()).decode()

    text = redacted(f"{LOGIN.password} {basic} s3cret%2Fw%C3%B6rd", LOGIN)

    assert text == "[redacted] [redacted] [redacted]"


def test_every_secret_of_every_kind_of_login_is_taken_out() -> None:
    """A token, a key, a proxy's password: what stands in a Secret stands in no text of ours."""
    everything = Credentials(
        "u", "pass-1", "token-2", "ca", "crt", "key-3", "identity-4", "hosts", Proxy("http://p", "u", "pw-5")
    )

    text = redacted(" ".join(everything.secrets), everything)

    assert len(everything.secrets) == 5
    assert text == " ".join(["[redacted]"] * 5)
    assert repr(everything) == "Credentials(...)"


def test_a_file_in_memory_is_ours_alone_and_goes_with_the_block() -> None:
    """It is found by its path as long as somebody holds it, any number of times."""
    with MemoryFiles() as files:
        path = Path(files.add("key", "content" * 100_000))
        assert path.read_text(encoding="utf-8") == path.read_text(encoding="utf-8") == "content" * 100_000
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()
