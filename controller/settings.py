"""Settings of the controller: each from one environment variable, with a default that works in a cluster."""

from __future__ import annotations

import dataclasses
import math
import re
import typing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from controller.model.ignore import IgnoreDifference, read_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX = "SHIPSLOG_"
_LABEL = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


def setting(default: Any, doc: str, *, least: float | None = None, form: str = "", takes: str = "") -> Any:
    """A field with its documentation; the variable's name is the field's, upper-case, behind `SHIPSLOG_`.

    Args:
        default: Its value where the variable is not set, or empty.
        doc: What it is, and in which unit.
        least: The smallest number that it takes.
        form: A regular expression for its text.
        takes: That in words.
    """
    return dataclasses.field(default=default, metadata={"doc": doc, "least": least, "form": form, "takes": takes})


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings. Durations are in seconds, sizes in bytes."""

    installation: str = setting(
        "default", "Name of this installation: two on one cluster never touch each other's objects."
    )
    namespace: str = setting("shipslog-system", "Namespace the controller runs in; its Leases and Events go there.")
    producer: str = setting("shipslog-0", "Name under which events are recorded: the Pod's name.")
    kubeconfig: str = setting("", "Kubeconfig of the home cluster; empty: the Pod's ServiceAccount.")
    serviceaccount_dir: Path = setting(
        Path("/var/run/secrets/kubernetes.io/serviceaccount"), "Where the ServiceAccount's token and CA are mounted."
    )
    database_url: str = setting(
        "",
        "PostgreSQL of the ledger, for the writer role: postgresql://user:password@host/db.",
        form="postgres(ql)?://.*",
        takes="postgresql://user:password@host/db",
    )
    spool_dir: Path = setting(
        Path("/var/lib/shipslog/spool"), "Directory of the ledger's spool; must survive restarts."
    )
    spool_limit: int = setting(1 << 30, "Size the spool may reach, in bytes; beyond it syncing stops.", least=4096)
    mirror_dir: Path = setting(
        Path("/var/lib/shipslog/mirrors"), "Directory of the Git mirrors; may be lost at any time."
    )
    mirrors_size: int = setting(
        8 << 30,
        "Room of all Git mirrors on disk, in bytes; those that were not used for longest make room.",
        least=1,
    )
    mirror_size: int = setting(
        2 << 30, "Size one Git mirror may reach, in bytes; a larger repository is refused.", least=1
    )
    file_size: int = setting(1 << 20, "Size of a file that a rendering may read, in bytes.", least=1)
    tree_entries: int = setting(20_000, "Files and directories below a path that a rendering may list.", least=1)
    tree_depth: int = setting(64, "Directories inside each other that a rendering may go down.", least=1)
    engine: str = setting("", "Path of the render engine's program; empty: the one of the package.")
    engine_processes: int = setting(
        0, "Render processes for one namespace; one more is for the others. 0: as many as cores.", least=0
    )
    render_timeout: float = setting(30.0, "Longest time one rendering may take, in seconds.", least=0.1)
    render_memory: int = setting(768 << 20, "Address space of one render process, in bytes.", least=64 << 20)
    render_cache: int = setting(
        256 << 20,
        "Room of rendered objects that are kept, in bytes; those that were not used for longest make room.",
        least=0,
    )
    workers: int = setting(50, "Applications of one cluster that are worked on at the same time.", least=1)
    max_requests: int = setting(50, "Requests under way at once to the cluster the controller runs in.", least=1)
    takeover_managers: str = setting(
        "argocd-application-controller,argocd-controller,before-first-apply,helm,helm-controller,kubectl,"
        "kubectl-annotate,kubectl-client-side-apply,kubectl-create,kubectl-edit,kubectl-label,kubectl-last-applied,"
        "kubectl-patch,kubectl-replace,kubectl-set,kustomize-controller",
        "Field managers, separated by commas, whose fields become ours when an object is applied: what they once set "
        "goes when Git no longer has it.",
    )
    ignore_differences: str = setting(
        "[]", "Fields of every Application's objects that are left to others: a JSON list of `ignoreDifferences`."
    )
    shutdown_timeout: float = setting(20.0, "How long work in hand may go on after SIGTERM, in seconds.", least=0)
    listen: str = setting(
        "0.0.0.0:8080", "Address and port of probes and metrics.", form=r".*:[0-9]{1,5}", takes="HOST:PORT"
    )
    log_level: str = setting(
        "info",
        "debug, info, warning or error.",
        form="(?i:debug|info|warning|error)",
        takes="debug, info, warning or error",
    )
    log_format: str = setting("json", "json, or text for people.", form="json|text", takes="json or text")
    allow_file_urls: bool = setting(
        False, "Let Repositories use file:// URLs: whoever may create one can read this Pod's files."
    )

    @property
    def former_managers(self) -> frozenset[str]:
        """The names in `takeover_managers`."""
        return frozenset(name.strip() for name in self.takeover_managers.split(",") if name.strip())

    @property
    def ignored(self) -> tuple[IgnoreDifference, ...]:
        """The rules in `ignore_differences`; raises ValueError that names the entry and the field."""
        return read_rules(self.ignore_differences)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Settings:
        """Read every setting; raises ValueError that names the variable, what it holds and what it takes."""
        types = typing.get_type_hints(cls)
        known = {variable(field): field for field in dataclasses.fields(cls)}
        values = {
            field.name: _checked(field, name, _parse(types[field.name], name, environment[name]))
            for name, field in known.items()
            if environment.get(name)
        }
        settings = cls(**values)
        try:
            settings.ignored  # noqa: B018 - to know now whether it can be read
        except ValueError as error:
            raise ValueError(f"{PREFIX}IGNORE_DIFFERENCES: {error}") from None
        return settings


def variable(field: dataclasses.Field[Any]) -> str:
    """Name of the environment variable of a field of Settings."""
    return PREFIX + field.name.upper()


def _checked(field: dataclasses.Field[Any], name: str, value: Any) -> Any:
    """The value, if the setting takes it. A text that does not fit is not repeated: it may be secret."""
    least, form = field.metadata["least"], field.metadata["form"]
    if least is not None and not least <= value < math.inf:  # NaN is neither
        raise ValueError(f"{name} is {value}: it must be at least {least}")
    if form and not re.fullmatch(form, value):
        raise ValueError(f"{name} must be {field.metadata['takes']}")
    return value


def _parse(type_: type, name: str, text: str) -> Any:
    if type_ is bool:
        if text.lower() not in {"true", "false"}:
            raise ValueError(f"{name} is {text!r}: use true or false")
        return text.lower() == "true"
    try:
        return type_(text)
    except ValueError:
        raise ValueError(f"{name} is {text!r}: it takes a value of type {type_.__name__}") from None
