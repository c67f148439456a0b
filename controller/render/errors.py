"""What can go wrong while rendering.

```text
Terminal
└── RenderError          the repository's content or the parameters are wrong: stands until one of them changes
Transient
└── EngineError          the engine could not be started, or the pool is closed: nobody's input is to blame
```
"""

from __future__ import annotations

from typing import Literal

from controller.errors import Terminal, Transient

Fault = Literal["input", "limit"]


class RenderError(Terminal):
    """The input can't be rendered: it is wrong (`input`) or takes more than it may (`limit`).

    `file` is relative to the repository's root, `line` counts from 1, `object` is `Kind name` or a field.
    """

    def __init__(
        self,
        message: str,
        *,
        remedy: str = "",
        fault: Fault = "input",
        file: str = "",
        line: int = 0,
        object: str = "",  # noqa: A002 (the answer's own word)
    ) -> None:
        super().__init__(message, remedy=remedy)
        self.fault: Fault = fault
        self.file = file
        self.line = line
        self.object = object


class EngineError(Transient):
    """The render engine is not there, can't be started or was closed."""
