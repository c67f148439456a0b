"""The spool: durable, in order, and honest about what it can't read."""

from __future__ import annotations

import errno
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from controller.record.cursor import Position
from controller.record.errors import SpoolError, SpoolFull, SpoolLocked
from controller.record.segment import HEADER_SIZE, RECORD_OVERHEAD
from controller.record.spool import KEPT, Spool
from tests.unit.record.disks import LoggedDisk, ShortDisk

if TYPE_CHECKING:
    from pathlib import Path

    from controller.record.disk import Disk

SMALL = 8 * 1000
"""A limit that makes segments of 1,000 bytes."""


class Shelf:
    """Opens the spool of a directory and remembers what it showed."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.shown: list[bytes] = []
        self.waiting: list[bytes] = []

    def open(self, limit: int = 1 << 30, disk: Disk | None = None) -> Spool:
        self.shown, self.waiting = [], []
        return Spool.open(self.directory, self._see, limit=limit, disk=disk)

    def written(self, *bodies: bytes) -> list[Path]:
        """Leave a spool with these bodies, all in one segment; its segments."""
        spool = self.open()
        spool.write(bodies)
        spool.close()
        return sorted(self.directory.glob("*.seg"))

    def _see(self, body: bytes, segment: int, *, delivered: bool) -> None:
        del segment
        self.shown.append(body)
        if not delivered:
            self.waiting.append(body)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """A shelf for one spool."""
    return Shelf(tmp_path / "spool")


def drained(spool: Spool) -> list[bytes]:
    """Everything that waits for delivery, moving the cursor along."""
    found: list[bytes] = []
    while True:
        bodies, end = spool.read(spool.cursor.position, count=3, size=1 << 20)
        if end == spool.cursor.position:
            return found
        found += bodies
        spool.advance(end, needed=None)


def test_what_was_written_is_shown_to_the_next_life_in_order(shelf: Shelf) -> None:
    """Over several lives, each of which begins a segment of its own."""
    for life in range(3):
        spool = shelf.open()
        assert shelf.shown == [f"{past}-{number}".encode() for past in range(life) for number in range(2)]
        spool.write([f"{life}-0".encode()])
        spool.write([f"{life}-1".encode()])
        spool.close()


def test_a_torn_tail_is_cut_at_every_byte_of_the_last_record(shelf: Shelf) -> None:
    """Wherever the power went, the records before it are there, the tear is reported, and writing goes on."""
    (segment,) = shelf.written(b"first", b"second, which is torn")
    whole = segment.read_bytes()
    start = len(whole) - RECORD_OVERHEAD - len(b"second, which is torn")
    for cut in range(start + 1, len(whole)):
        segment.write_bytes(whole[:cut])

        spool = shelf.open()
        spool.write([b"third"])
        spool.close()

        (finding,) = spool.findings
        assert (finding.kind, finding.start, finding.end) == ("torn", start, cut)
        assert segment.read_bytes() == whole[:start]
        spool = shelf.open()
        assert shelf.shown == [b"first", b"third"]
        assert spool.findings == []
        spool.close()
        for other in shelf.directory.glob("*.seg"):
            other.unlink(missing_ok=True)
        for kept in (shelf.directory / "quarantine").iterdir():
            assert kept.read_bytes() == whole[start:cut]
            kept.unlink()


def test_a_segment_torn_in_its_header_is_taken_away(shelf: Shelf) -> None:
    """The process ended while it began a file: nothing was in it, and that is reported."""
    (first,) = shelf.written(b"first")
    for size in range(HEADER_SIZE):
        torn = first.with_name(f"{2:020d}.seg")
        torn.write_bytes(b"\0" * size)

        spool = shelf.open()

        assert shelf.shown == [b"first"]
        assert [(finding.kind, finding.segment) for finding in spool.findings] == [("torn", torn.name)]
        assert not torn.exists()
        spool.close()


def test_a_tail_of_zeros_is_cut(shelf: Shelf) -> None:
    """A file system may give a file its length before its contents."""
    (segment,) = shelf.written(b"first")
    with segment.open("ab") as file:
        file.write(bytes(5000))

    spool = shelf.open()

    assert shelf.shown == [b"first"]
    assert [finding.kind for finding in spool.findings] == ["torn"]
    assert spool.size == segment.stat().st_size
    spool.close()


def test_a_corrupt_middle_is_kept_in_quarantine_and_the_rest_delivered(shelf: Shelf) -> None:
    """Never silently skipped: reported when opened, and the whole segment is kept, also once it was delivered."""
    (segment,) = shelf.written(b"first", b"second", b"third")
    damaged = bytearray(segment.read_bytes())
    damaged[damaged.index(b"second")] ^= 1
    segment.write_bytes(damaged)

    spool = shelf.open()

    assert shelf.shown == [b"first", b"third"]
    assert [finding.kind for finding in spool.findings] == ["corrupt", "broken-chain"]
    assert spool.findings[0].end - spool.findings[0].start == RECORD_OVERHEAD + len(b"second")
    assert drained(spool) == [b"first", b"third"]
    for _ in range(KEPT):
        spool.write([b"more"])
        spool.close()
        spool = shelf.open()
    drained(spool)
    assert not segment.exists()
    assert (shelf.directory / "quarantine" / segment.name).read_bytes() == damaged
    spool.close()


def test_short_lives_are_remembered(shelf: Shelf) -> None:
    """What is told again a few lives later is known again: the segments of lives that wrote little stay for a while."""
    for number in range(10):
        spool = shelf.open()
        spool.write([b"life %d" % number])
        drained(spool)
        spool.close()
    shelf.shown.clear()

    shelf.open().close()

    assert shelf.shown == [b"life %d" % number for number in range(10)]


def test_damage_that_comes_while_running_is_reported_too(shelf: Shelf) -> None:
    """The delivery reads from the disk again and checks again."""
    spool = shelf.open()
    spool.write([b"first", b"second", b"third"])
    (segment,) = shelf.directory.glob("*.seg")
    damaged = bytearray(segment.read_bytes())
    damaged[damaged.index(b"second")] ^= 1
    segment.write_bytes(damaged)

    assert drained(spool) == [b"first", b"third"]
    assert [finding.kind for finding in spool.findings] == ["corrupt"]
    assert (shelf.directory / "quarantine" / segment.name).read_bytes() == damaged
    spool.close()


def test_a_segment_without_a_readable_header_still_gives_its_records(shelf: Shelf) -> None:
    """The header only ties it to the one before."""
    (segment,) = shelf.written(b"first")
    shelf.written(b"second")
    damaged = bytearray(segment.read_bytes())
    damaged[0] ^= 1
    segment.write_bytes(damaged)

    spool = shelf.open()

    assert shelf.shown == [b"first", b"second"]
    assert [finding.kind for finding in spool.findings] == ["corrupt"]
    assert drained(spool) == [b"first", b"second"]
    spool.close()


def test_a_segment_that_was_taken_away_breaks_the_chain(shelf: Shelf) -> None:
    """The next one names a record that is not there."""
    shelf.written(b"first")
    shelf.written(b"second")
    shelf.written(b"third")
    sorted(shelf.directory.glob("*.seg"))[1].unlink()

    spool = shelf.open()

    assert shelf.shown == [b"first", b"third"]
    assert [finding.kind for finding in spool.findings] == ["broken-chain"]
    spool.close()


def test_delivery_goes_on_where_it_ended(shelf: Shelf) -> None:
    """The cursor outlives the process; the next life is told what waits."""
    spool = shelf.open()
    spool.write([b"1", b"2", b"3"])
    bodies, end = spool.read(spool.cursor.position, count=2, size=1 << 20)
    assert bodies == [b"1", b"2"]
    spool.advance(end, needed=None)
    spool.close()

    spool = shelf.open()

    assert shelf.shown == [b"1", b"2", b"3"]
    assert shelf.waiting == [b"3"]
    assert drained(spool) == [b"3"]
    spool.close()


@pytest.mark.parametrize("damage", ["", "7", "1 60 00000000", "nonsense \xff"])
def test_a_damaged_cursor_means_delivering_again(shelf: Shelf, damage: str) -> None:
    """Delivery is idempotent, so the start is always a safe place."""
    shelf.written(b"first")
    spool = shelf.open()
    drained(spool)
    spool.close()
    (shelf.directory / "cursor").write_text(damage, encoding="latin-1")

    spool = shelf.open()

    assert drained(spool) == [b"first"]
    spool.close()


def test_a_reading_is_bounded_by_count_and_size(shelf: Shelf) -> None:
    """A backlog of a day must not be one batch."""
    spool = shelf.open()
    spool.write([b"x" * 1000] * 10)

    assert len(spool.read(Position(), count=3, size=1 << 20)[0]) == 3
    assert len(spool.read(Position(), count=500, size=2500)[0]) == 3
    spool.close()


def test_segments_go_once_they_are_delivered(shelf: Shelf) -> None:
    """But for the newest two, which show the next life how this one ended."""
    spool = shelf.open(limit=SMALL)
    for number in range(5):
        spool.write([bytes([65 + number]) * 800])
    assert len(list(shelf.directory.glob("*.seg"))) == 5
    held = spool.size

    drained(spool)

    assert [path.name for path in sorted(shelf.directory.glob("*.seg"))] == [f"{4:020d}.seg", f"{5:020d}.seg"]
    assert spool.size == sum(path.stat().st_size for path in shelf.directory.glob("*.seg")) < held
    spool.close()


def test_a_segment_that_is_still_needed_stays(shelf: Shelf) -> None:
    """It holds an intent whose result is not known, and all behind it stay too."""
    spool = shelf.open(limit=SMALL)
    for number in range(5):
        spool.write([bytes([65 + number]) * 800])
    end = spool.read(Position(5, 0), count=3, size=1 << 20)[1]

    spool.advance(end, needed=2)
    assert [path.name for path in sorted(shelf.directory.glob("*.seg"))] == [f"{n:020d}.seg" for n in (2, 3, 4, 5)]

    spool.advance(end, needed=None)
    assert len(list(shelf.directory.glob("*.seg"))) == 2
    spool.close()


def test_nothing_is_deleted_before_it_is_delivered(shelf: Shelf) -> None:
    """However old it is."""
    spool = shelf.open(limit=SMALL)
    for _ in range(5):
        spool.write([b"x" * 800])

    spool.advance(Position(2, HEADER_SIZE), needed=None)

    assert len(list(shelf.directory.glob("*.seg"))) == 4
    spool.close()


def test_a_full_spool_refuses_and_says_what_to_do(shelf: Shelf) -> None:
    """A reserve below the limit is for the events that end what was begun; beyond the limit nothing goes."""
    spool = shelf.open(limit=SMALL)
    for _ in range(7):
        spool.write([b"x" * 900])
    free = spool.limit - spool.size

    with pytest.raises(
        SpoolFull, match=r"of 8000 bytes that PostgreSQL has not taken \(bring PostgreSQL back, or raise"
    ):
        spool.admit(free, reserved=False)
    spool.admit(free, reserved=True)
    with pytest.raises(SpoolFull):
        spool.admit(free + 1, reserved=True)

    drained(spool)
    spool.admit(free, reserved=False)
    spool.close()


def test_a_second_process_is_refused(shelf: Shelf) -> None:
    """By name of the first, and only while that lives."""
    spool = shelf.open()
    program = (
        "import sys, pathlib\n"
        "from controller.record.spool import KEPT, Spool\n"
        "Spool.open(pathlib.Path(sys.argv[1]), lambda *_, **__: None)\n"
    )
    command = [sys.executable, "-c", program, str(shelf.directory)]

    refused = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    with pytest.raises(SpoolLocked, match="in use by process"):
        shelf.open()
    spool.close()
    allowed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)

    assert "SpoolLocked" in refused.stderr
    assert allowed.returncode == 0


def test_a_directory_that_cant_be_made_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """No traceback of the file system."""
    (tmp_path / "file").touch()

    with pytest.raises(
        SpoolError,
        match=r"can't be opened: Not a directory .*set SHIPSLOG_SPOOL_DIR",
    ):
        Shelf(tmp_path / "file" / "spool").open()


def test_a_new_segment_is_named_durably_before_its_records_are_acknowledged(shelf: Shelf) -> None:
    """Else a power cut could lose the file with records that were promised."""
    disk = LoggedDisk()
    spool = shelf.open(limit=SMALL, disk=disk)

    spool.write([b"x" * 900])
    spool.write([b"x" * 900])

    assert disk.log == ["create", "write", "sync_directory", "write", "sync"] * 2
    spool.close()


def test_short_writes_are_completed(shelf: Shelf) -> None:
    """The system may take a part of what it is given."""
    spool = shelf.open(disk=ShortDisk())
    spool.write([b"first", b"second"])
    spool.close()

    shelf.open().close()

    assert shelf.shown == [b"first", b"second"]


@pytest.mark.parametrize("operation", ["create", "write", "sync", "sync_directory"])
@pytest.mark.parametrize("moment", ["at once", "later"])
@pytest.mark.parametrize("end", ["closed", "mended"])
def test_a_failed_write_leaves_nothing_behind(shelf: Shelf, operation: str, moment: str, end: str) -> None:
    """It is refused as it is, cut away before anything else is written, and the chain holds."""
    disk = LoggedDisk()
    spool = shelf.open(limit=SMALL, disk=disk)
    if moment == "later":
        spool.write([b"before" * 120])
    disk.fail = {operation: errno.ENOSPC}
    with pytest.raises(SpoolError, match=r"can't be written: No space left on device \(give its volume space"):
        spool.write([b"failed" * 120])
    disk.fail = {}
    if end == "mended":
        spool.write([b"after" * 120])
    spool.close()

    spool = shelf.open()

    expected = [b"before" * 120] * (moment == "later") + [b"after" * 120] * (end == "mended")
    kinds = [finding.kind for finding in spool.findings]
    if end == "mended":
        assert (shelf.shown, kinds) == (expected, [])
    else:
        # What was whole on the disk is taken for recorded: nobody was told that it is not there.
        assert shelf.shown in (expected, [*expected, b"failed" * 120])
        assert kinds in ([], ["torn"])
    spool.close()


def test_nothing_is_written_while_the_failed_write_cant_be_cut_away(shelf: Shelf) -> None:
    """Else what was refused could stand before what was acknowledged."""
    disk = LoggedDisk()
    spool = shelf.open(disk=disk)
    spool.write([b"before"])
    disk.fail = {"sync": errno.EIO, "truncate": errno.EIO}

    for _ in range(3):
        with pytest.raises(SpoolError, match="Input/output error"):
            spool.write([b"failed"])
    disk.fail = {}
    spool.write([b"after"])
    spool.close()

    spool = shelf.open()
    assert shelf.shown == [b"before", b"after"]
    assert spool.findings == []
    spool.close()
