"""What can go wrong while recording.

```text
Terminal
└── EventError               the event can't be recorded as it is: too large, or no JSON
Transient
├── SpoolError               the spool can't promise durability: syncing stops until it can again
│   ├── SpoolFull            it reached its limit, because PostgreSQL takes nothing
│   └── SpoolLocked          another process holds the directory
├── LedgerError              PostgreSQL answered, and refused: not migrated, no permission, a broken event
│   └── EventRefused         it refused the contents of one event
└── Unreachable
    └── LedgerUnreachable    PostgreSQL did not answer, or went away in the middle
```
Transient because people mend a disk, a grant or a schema without touching an Application's spec.
"""

from __future__ import annotations

from controller.errors import Terminal, Transient, Unreachable


class EventError(Terminal):
    """The event can't be recorded as it is; nothing of it was written."""


class SpoolError(Transient):
    """Durability can't be promised; nothing was acknowledged."""


class SpoolFull(SpoolError):
    """The spool reached its limit."""


class SpoolLocked(SpoolError):
    """Another process holds the spool's directory."""


class LedgerError(Transient):
    """PostgreSQL refused."""


class EventRefused(LedgerError):
    """PostgreSQL refused what an event contains."""


class LedgerUnreachable(Unreachable):
    """PostgreSQL did not answer, or the connection broke: what was sent may or may not have arrived."""
