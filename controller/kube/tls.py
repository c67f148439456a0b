"""TLS towards an API server, with keys that never touch a disk."""

from __future__ import annotations

import os
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

from controller.kube.errors import AccessError

if TYPE_CHECKING:
    from collections.abc import Iterator


def client_context(*, ca: bytes = b"", cert: bytes = b"", key: bytes = b"", verify: bool = True) -> ssl.SSLContext:
    """A context from PEM data; without `ca` the system's authorities count. Reads files: not for the event loop.

    Raises AccessError when the data is not what it should be.
    """
    try:
        context = ssl.create_default_context(cadata=ca.decode("ascii") if ca else None)
    except (ssl.SSLError, ValueError) as error:
        raise AccessError(
            "the certificate authority is not a PEM certificate", field="certificate-authority"
        ) from error
    # Python 3.13 turned strict RFC 5280 checks on; authorities of many clusters lack the key identifier they ask for,
    # and no other client of Kubernetes insists on it.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if cert:
        try:
            with _file(cert) as cert_path, _file(key) as key_path:
                context.load_cert_chain(cert_path, key_path, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            raise AccessError(
                "the client certificate and its key don't fit together", field="client-certificate"
            ) from error
    return context


def _no_password() -> str:
    raise ValueError("the key is encrypted")  # otherwise OpenSSL would ask at the terminal


@contextmanager
def _file(content: bytes) -> Iterator[str]:
    """A path in memory: OpenSSL reads certificates from files only."""
    descriptor = os.memfd_create("pem", os.MFD_CLOEXEC)
    try:
        os.write(descriptor, content)
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
