"""Free ports of the loopback address."""

from __future__ import annotations

import random
import socket

# Below the range from which the kernel gives ports to outgoing connections: a port found free stays so.
_RANGE = range(20000, 32000)


def free_ports(count: int) -> list[int]:
    """So many ports on which nothing listens now.

    Whoever loses the race for one starts again with others: they are picked at random, so that is rare.
    """
    found: list[int] = []
    while len(found) < count:
        port = random.choice(_RANGE)  # noqa: S311 - to keep apart, not secret
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in found:
            found.append(port)
    return found
