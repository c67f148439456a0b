"""The results as tables, for people and for Markdown."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.benchmarks.machine import Machine
    from tests.benchmarks.results import Commits, Results, Spread

MIB = 2**20
Row = tuple[str, ...]
_Measured = TypeVar("_Measured")


class Section(NamedTuple):
    """One table: the first column says what, the others how much."""

    title: str
    columns: Row
    rows: Sequence[Row]


def sections(results: Results) -> Sequence[Section]:
    """All tables."""
    return [_rollout(results), _verbs(results), _commit(results), _steady(results)]


def show(results: Results) -> None:
    """Print them."""
    parts: list[Text | Table] = [Text(line) for line in described(results.machine)]
    for section in sections(results):
        table = Table()
        for number, column in enumerate(section.columns):
            table.add_column(column, justify="left" if number == 0 else "right")
        for row in section.rows:
            table.add_row(*row)
        parts += [Text(), Text(section.title, style="bold"), table]
    # Piped: wide enough for every row, no colour, no line broken.
    Console(width=None if Console().is_terminal else 120, highlight=False).print(Group(*parts))


def described(machine: Machine) -> Sequence[str]:
    """The machine in lines."""
    versions = {
        "shipslog": machine.shipslog,
        "Python": machine.python,
        "Kubernetes": machine.kubernetes,
        "PostgreSQL": machine.postgresql,
        "git": machine.git,
    }
    return [
        f"{machine.cpu}, {machine.cores} cores, {machine.memory_bytes / 2**30:.0f} GiB, {machine.kernel}",
        ", ".join(f"{name} {version}" for name, version in versions.items()),
        f"load average before the start: {machine.load:.2f}",
    ]


def _rollout(results: Results) -> Section:
    given, rounds, ratios = results.settings, results.rounds, results.ratios
    ours, bare = [one.ours for one in rounds], [one.bare for one in rounds]
    rows = [
        ("seconds", _of(ours, lambda o: o.seconds), _of(bare, lambda b: b.seconds), _times(ratios["seconds"])),
        (
            "seconds, beside bare until every Deployment was observed",
            _of(ours, lambda o: o.seconds),
            _of(bare, lambda b: b.observed_seconds),
            _times(ratios["observedSeconds"]),
        ),
        ("seconds until half of the Applications were Ready", _of(ours, lambda o: o.ready.median), "", ""),
        (
            "requests to the API server",
            _of(ours, lambda o: sum(o.requests.values()), 0),
            _of(bare, lambda b: sum(b.requests.values()), 0),
            _times(ratios["requests"]),
        ),
        (
            "CPU of the API server, s",
            _of(ours, lambda o: o.api_server_cpu_seconds),
            _of(bare, lambda b: b.api_server_cpu_seconds),
            _times(ratios["apiServerCpu"]),
        ),
        (
            "CPU of the client, s",
            _of(ours, lambda o: o.cpu.seconds),
            _of(bare, lambda b: b.cpu_seconds),
            _times(ratios["cpu"]),
        ),
        ("... of the controller itself", _of(ours, lambda o: o.cpu.itself), "", ""),
        ("... of render engine and git", _of(ours, lambda o: o.cpu.programs), "", ""),
        ("peak memory, MiB", _of(ours, lambda o: o.peak_memory.total / MIB, 0), "", ""),
        ("... of the controller itself", _of(ours, lambda o: o.peak_memory.itself / MIB, 0), "", ""),
        ("... of render engine and git", _of(ours, lambda o: o.peak_memory.programs / MIB, 0), "", ""),
        ("memory before the first Application, MiB", _of(ours, lambda o: o.memory_before.total / MIB, 0), "", ""),
        ("renderings", _of(ours, lambda o: o.renders, 0), "", ""),
        ("looks at an Application", _of(ours, lambda o: o.looks, 0), "", ""),
        ("events in the ledger", _of(ours, lambda o: o.events, 0), "", ""),
        (
            "cores taken by programs with no part in it, %",
            _of(ours, lambda o: 100 * o.others, 0),
            _of(bare, lambda b: 100 * b.others, 0),
            "",
        ),
    ]
    title = (
        f"{given.applications} Applications of {given.objects_per_application} objects: from created to all Ready, "
        f"median of {given.repetitions} (least to most)"
    )
    return Section(title, ("", "shipslog", "bare", "ratio"), rows)


def _verbs(results: Results) -> Section:
    ours, bare = [one.ours.requests for one in results.rounds], [one.bare.requests for one in results.rounds]
    names = sorted({name for requests in (*ours, *bare) for name in requests})
    rows = [(name, _of(ours, _count(name), 0), _of(bare, _count(name), 0)) for name in names]
    return Section("Requests of that rollout by verb", ("verb", "shipslog", "bare"), rows)


def _count(name: str) -> Callable[[dict[str, int]], float]:
    return lambda requests: requests.get(name, 0)


def _commit(results: Results) -> Section:
    given, both = results.settings, (results.asked, results.polled)

    def row(what: str, value: Callable[[Commits], str]) -> Row:
        return (what, *(value(commits) for commits in both))

    rows = [
        row("live, p50", lambda c: f"{c.live.median:.3f} s"),
        row("live, worst", lambda c: f"{c.live.most:.3f} s"),
        row("Ready at the commit, p50", lambda c: f"{c.told.median:.3f} s"),
        row("Ready at the commit, worst", lambda c: f"{c.told.most:.3f} s"),
        row("renderings per commit", lambda c: f"{c.renders:.1f}"),
        row("looks per commit", lambda c: f"{c.looks:.1f}"),
        row("requests per commit", lambda c: f"{sum(c.requests.values()):.1f}"),
        row("CPU of ours per commit", lambda c: f"{1000 * c.cpu_seconds:.0f} ms"),
        row("CPU of the API server per commit", lambda c: f"{1000 * c.api_server_cpu_seconds:.0f} ms"),
    ]
    title = (
        f"One commit in one of the {given.applications} Applications, {given.commits} times: from the end of `git push`"
    )
    return Section(title, ("", "asked at once", f"polled every {given.poll_seconds} s"), rows)


def _steady(results: Results) -> Section:
    steady = results.steady
    requests = ", ".join(f"{count} {verb}" for verb, count in sorted(steady.requests.items())) or "none"
    rows = [
        ("requests", requests),
        ("looks", str(steady.looks)),
        ("CPU of ours, of one core", f"{100 * steady.cpu.seconds / steady.seconds:.2f} %"),
        ("CPU of the API server, of one core", f"{100 * steady.api_server_cpu_seconds / steady.seconds:.2f} %"),
        ("memory of the controller itself", f"{steady.memory.itself / MIB:.0f} MiB"),
        ("memory of render engine and git", f"{steady.memory.programs / MIB:.0f} MiB"),
    ]
    title = f"{results.settings.applications} Applications stand and nothing happens, for {steady.seconds:.0f} s"
    return Section(title, ("", "shipslog"), rows)


def _of(many: Sequence[_Measured], value: Callable[[_Measured], float], digits: int = 2) -> str:
    values = [value(one) for one in many]
    middle = f"{statistics.median(values):.{digits}f}"
    least, most = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    return middle if least == most else f"{middle} ({least} to {most})"


def _times(spread: Spread) -> str:
    least, most = f"{spread.least:.2f}", f"{spread.most:.2f}"
    return f"{spread.median:.2f}" if least == most else f"{spread.median:.2f} ({least} to {most})"
