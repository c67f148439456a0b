"""Ways in, to a real API server."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from controller.kube.access import from_kubeconfig_bytes, from_kubeconfig_file, in_cluster
from controller.kube.cluster import open_cluster
from controller.kube.errors import AccessError, ApiError, Forbidden, Unreachable
from tests.controlplane import token
from tests.integration.kube.reach import reached

if TYPE_CHECKING:
    from pathlib import Path

    from controller.kube.access import Access
    from tests.controlplane import ControlPlane

WHOAMI = "authentication.k8s.io/v1"


async def whoami(access: Access) -> str:
    """Who the API server takes us for."""
    cluster = open_cluster("one", access)
    try:
        answer = await cluster.create(
            {"apiVersion": WHOAMI, "kind": "SelfSubjectReview", "metadata": {"generateName": "x"}}
        )
    finally:
        await cluster.close()
    return str(answer["status"]["userInfo"]["username"])


def kubeconfig(plane: ControlPlane, **user: Any) -> dict[str, Any]:
    """The plane's kubeconfig with another user."""
    content: dict[str, Any] = json.loads(plane.kubeconfig.read_text())
    content["users"][0]["user"] = user
    return content


@pytest.fixture
def serviceaccount(plane: ControlPlane, namespace: str, tmp_path: Path) -> Path:
    """A directory as a Pod has it."""
    plane.admin.create(f"/api/v1/namespaces/{namespace}/serviceaccounts", {"metadata": {"name": "pod"}})
    (tmp_path / "token").write_text(token(plane, namespace, "pod"))
    (tmp_path / "ca.crt").write_bytes(plane.ca_file.read_bytes())
    return tmp_path


@pytest.fixture
def environ(plane: ControlPlane) -> dict[str, str]:
    """The environment of a Pod."""
    parts = urlsplit(plane.url)
    return {"KUBERNETES_SERVICE_HOST": str(parts.hostname), "KUBERNETES_SERVICE_PORT": str(parts.port)}


async def test_a_pod_is_let_in_as_its_serviceaccount(
    serviceaccount: Path, environ: dict[str, str], namespace: str
) -> None:
    """Token and authority from the mounted directory, address from the environment."""
    access = await in_cluster(serviceaccount, environ)

    assert await whoami(access) == f"system:serviceaccount:{namespace}:pod"


async def test_a_token_that_is_exchanged_is_used_at_once_when_the_old_one_is_refused(
    serviceaccount: Path, environ: dict[str, str], namespace: str
) -> None:
    """The request that met the old token's end succeeds with the new one."""
    fresh = (serviceaccount / "token").read_text()
    (serviceaccount / "token").write_text("expired")
    access = await in_cluster(serviceaccount, environ)
    await asyncio.to_thread((serviceaccount / "token").write_text, fresh + "\n")

    assert await whoami(access) == f"system:serviceaccount:{namespace}:pod"


async def test_outside_of_a_pod_the_error_says_what_to_do(tmp_path: Path, environ: dict[str, str]) -> None:
    """No address, or no token."""
    with pytest.raises(AccessError, match="give a kubeconfig"):
        await in_cluster(tmp_path, {})
    with pytest.raises(AccessError, match="give a kubeconfig"):
        await in_cluster(tmp_path, environ)


async def test_a_client_certificate_lets_in(plane: ControlPlane, tmp_path: Path) -> None:
    """A certificate that the server does not know is presented all the same; the key never becomes a file of ours."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", str(key), "-out", str(cert), "-days", "1", "-subj", "/CN=somebody"]
    await asyncio.to_thread(subprocess.run, command, check=True, capture_output=True)

    def encoded(path: Path) -> str:
        return base64.b64encode(path.read_bytes()).decode()

    config = kubeconfig(
        plane,
        **{"client-certificate-data": encoded(cert), "client-key-data": encoded(key), "token": plane.admin_token},
    )

    assert await whoami(await from_kubeconfig_bytes(json.dumps(config).encode())) == "admin"


async def test_a_kubeconfig_may_act_as_somebody_else(plane: ControlPlane) -> None:
    """Its `as` and `as-groups` count, so that it gives no more rights than it says."""
    config = kubeconfig(plane, token=plane.admin_token, **{"as": "deckhand", "as-groups": ["system:authenticated"]})
    data = json.dumps(config).encode()

    assert await whoami(await from_kubeconfig_bytes(data)) == "deckhand"
    async with reached(data) as cluster:
        with pytest.raises(Forbidden):
            await cluster.list("v1", "Secret")


async def test_an_exec_plugin_of_the_operators_own_kubeconfig_runs(plane: ControlPlane, tmp_path: Path) -> None:
    """As kubectl does it; relative paths start at the kubeconfig."""
    credential = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": plane.admin_token},
    }
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": ["-c", f"print({json.dumps(credential)!r})"],
    }
    path = tmp_path / "config"
    path.write_text(json.dumps(kubeconfig(plane, exec=plugin)))

    assert await whoami(await from_kubeconfig_file(path)) == "admin"


async def test_a_token_file_of_the_operators_own_kubeconfig_is_read(plane: ControlPlane, tmp_path: Path) -> None:
    """And a certificate authority, too."""
    (tmp_path / "token").write_text(plane.admin_token + "\n")
    (tmp_path / "ca.crt").write_bytes(plane.ca_file.read_bytes())
    config = kubeconfig(plane, tokenFile="token")
    config["clusters"][0]["cluster"] = {"server": plane.url, "certificate-authority": "ca.crt"}
    path = tmp_path / "config"
    path.write_text(json.dumps(config))

    assert await whoami(await from_kubeconfig_file(path)) == "admin"


@pytest.mark.parametrize(
    ("user", "field"),
    [
        ({"exec": {"command": "touch", "args": ["MARK"], "apiVersion": "v1"}}, "exec"),
        ({"auth-provider": {"name": "oidc", "config": {}}}, "auth-provider"),
        ({"tokenFile": "MARK"}, "tokenFile"),
        ({"client-certificate": "MARK"}, "client-certificate"),
        ({"client-key": "MARK"}, "client-key"),
    ],
)
async def test_a_kubeconfig_from_a_secret_reaches_nothing_of_this_pod(
    plane: ControlPlane, tmp_path: Path, user: dict[str, Any], field: str
) -> None:
    """No program runs and no file is read; the error names the field and what to write instead."""
    mark = tmp_path / "mark"
    content = json.dumps(kubeconfig(plane, **user)).replace("MARK", str(mark))

    with pytest.raises(AccessError) as refused:
        await from_kubeconfig_bytes(content.encode())

    assert refused.value.field == f"users[name=kube].user.{field}"
    assert refused.value.remedy
    assert not await asyncio.to_thread(mark.exists)


async def test_a_certificate_authority_by_path_is_refused_in_a_secret(plane: ControlPlane) -> None:
    """The same for the cluster's part."""
    config = kubeconfig(plane, token="x")
    config["clusters"][0]["cluster"] = {"server": plane.url, "certificate-authority": "/etc/passwd"}

    with pytest.raises(AccessError) as refused:
        await from_kubeconfig_bytes(json.dumps(config).encode())

    assert refused.value.field == "clusters[name=kube].cluster.certificate-authority"


async def test_a_certificate_that_is_not_trusted_is_said(plane: ControlPlane) -> None:
    """The server's certificate is checked; skipping that has to be asked for."""
    config = kubeconfig(plane, token=plane.admin_token)
    config["clusters"][0]["cluster"] = {"server": plane.url}

    with pytest.raises(Unreachable, match="certificate") as refused:
        await whoami(await from_kubeconfig_bytes(json.dumps(config).encode()))

    assert refused.value.remedy.endswith("certificate-authority-data")
    other = kubeconfig(plane, token=plane.admin_token)
    other["clusters"][0]["cluster"]["tls-server-name"] = "elsewhere.example"
    with pytest.raises(Unreachable, match="certificate") as refused:
        await whoami(await from_kubeconfig_bytes(json.dumps(other).encode()))

    assert refused.value.remedy.endswith("tls-server-name")
    config["clusters"][0]["cluster"]["insecure-skip-tls-verify"] = True
    assert await whoami(await from_kubeconfig_bytes(json.dumps(config).encode())) == "admin"


async def test_the_name_in_the_certificate_may_differ_from_the_address(plane: ControlPlane) -> None:
    """`tls-server-name` is what is checked."""
    config = kubeconfig(plane, token=plane.admin_token)
    config["clusters"][0]["cluster"]["tls-server-name"] = "kubernetes.default.svc"
    assert await whoami(await from_kubeconfig_bytes(json.dumps(config).encode())) == "admin"

    config["clusters"][0]["cluster"]["tls-server-name"] = "other.example"
    with pytest.raises(Unreachable, match="certificate"):
        await whoami(await from_kubeconfig_bytes(json.dumps(config).encode()))


async def test_credentials_are_in_no_representation(plane: ControlPlane) -> None:
    """Neither of the access nor of what is inside, nor of an error."""
    access = await from_kubeconfig_bytes(plane.kubeconfig.read_bytes())
    wrong = await from_kubeconfig_bytes(json.dumps(kubeconfig(plane, username="me", password="hunter2")).encode())

    with pytest.raises(ApiError) as refused:
        await whoami(wrong)

    assert plane.admin_token not in repr(access) + repr(access.credentials)
    assert "hunter2" not in repr(refused.value) + str(refused.value)
