"""Certificates for an HTTPS server on loopback and its clients, by the openssl command."""

from __future__ import annotations

import ssl
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Pair:
    """A certificate and its key, as files."""

    certificate: Path
    key: Path

    @property
    def texts(self) -> tuple[str, str]:
        """Certificate and key in PEM."""
        return self.certificate.read_text(encoding="utf-8"), self.key.read_text(encoding="utf-8")


class Authority:
    """An authority of its own, which nobody trusts by default."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._directory = directory
        self._pair = Pair(directory / "ca.crt", directory / "ca.key")
        self._openssl(self._pair, "/CN=Test Authority", "-addext", "basicConstraints=critical,CA:TRUE")

    @property
    def certificate(self) -> str:
        """Its own certificate, in PEM."""
        return self._pair.certificate.read_text(encoding="utf-8")

    def issue(self, name: str) -> Pair:
        """A certificate for 127.0.0.1 and a client of this name."""
        pair = Pair(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        signer = ("-CA", str(self._pair.certificate), "-CAkey", str(self._pair.key))
        extensions = ("-addext", "subjectAltName=IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE")
        self._openssl(pair, f"/CN={name}", *signer, *extensions)
        return pair

    def context(self, *, clients: bool = False) -> ssl.SSLContext:
        """For a server; `clients`: they must have a certificate of this authority."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        pair = self.issue("server")
        context.load_cert_chain(pair.certificate, pair.key)
        if clients:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self._pair.certificate)
        return context

    @staticmethod
    def _openssl(pair: Pair, subject: str, *more: str) -> None:
        command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
        command += ["-days", "2", "-subj", subject, "-keyout", str(pair.key), "-out", str(pair.certificate), *more]
        subprocess.run(command, check=True, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
