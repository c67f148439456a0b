"""What the controller tells over HTTP; the only room that knows aiohttp as a server."""

from controller.serve.connections import Limits
from controller.serve.probes import Check
from controller.serve.server import Server
from controller.serve.vitals import Vitals

__all__ = ["Check", "Limits", "Server", "Vitals"]
