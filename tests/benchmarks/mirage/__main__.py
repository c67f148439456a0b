"""`python -m tests.benchmarks.mirage --ports P,P,...`: a simulated cluster on each port, until SIGTERM."""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

from aiohttp import web

from tests.benchmarks.mirage.server import Server


async def _serve(ports: list[int]) -> None:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    runners = [
        web.ServerRunner(web.Server(Server().handle, handler_cancellation=True), shutdown_timeout=0.1) for _ in ports
    ]
    for runner, port in zip(runners, ports, strict=True):
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
    await told.wait()
    for runner in runners:
        await runner.cleanup()


def main() -> int:
    """Serve."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.mirage", description=__doc__)
    parser.add_argument("--ports", required=True, type=lambda text: [int(port) for port in text.split(",")])
    asyncio.run(_serve(parser.parse_args().ports))
    return 0


if __name__ == "__main__":
    sys.exit(main())
