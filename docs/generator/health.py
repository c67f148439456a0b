"""Reference of the health rules: what each kind's file decides, and in which words it says so."""

from __future__ import annotations

import ast
import inspect
import sys
from typing import TYPE_CHECKING

from controller.model.health import HealthStatus
from controller.observe.health import RULES, verdict
from controller.observe.health.anykind import anykind
from docs.generator import markdown
from docs.generator.markdown import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

INTRODUCTION = """\
`shipslog health`, the condition Healthy and the metrics judge an object by the rule of its kind. The tables list what a
rule can say, in its own words; `…` stands for what the object itself says. Of every kind, whatever its rule: an object
that is being deleted is Progressing, one with the annotation `shipslog.dev/health: ignore` is Healthy, and one that
makes no sense is Unknown. An Application is as healthy as the worst of its objects.

The rules are those of [kstatus](https://github.com/kubernetes-sigs/cli-utils/tree/master/pkg/kstatus), and stricter
where a kind can fail without saying so in a condition. [Health of custom kinds](../how-to/health-of-custom-kinds.md)
says how to give a kind a rule of its own."""
OTHERS = """\
Kinds that Kubernetes itself serves and that are not listed here (ConfigMap, Secret, Role, ...) report no health: they
are Healthy when they exist."""
STATUSES = {status.name.lower(): status.value for status in HealthStatus}


def page() -> str:
    """The whole page: first the built-in kinds, then all others."""
    rules: dict[Callable[..., object], list[str]] = {}
    for kind, rule in RULES.items():
        rules.setdefault(rule, []).append(f"{kind.kind}.{kind.group}" if kind.group else kind.kind)
    sections = [_section(", ".join(kinds), rule) for rule, kinds in sorted(rules.items(), key=lambda one: one[1])]
    return markdown.page("Health rules", INTRODUCTION, *sections, _section("Any other kind", anykind), OTHERS)


def _section(title: str, rule: Callable[..., object]) -> str:
    module = sys.modules[rule.__module__]
    rows = [*_unseen(module), *_verdicts(inspect.getsource(module))]
    return f"## {title}\n\n{inspect.getdoc(rule)}\n\n{table(['Verdict', 'When it says'], rows)}"


def _unseen(module: object) -> Iterator[tuple[str, str]]:
    """What a workload is asked before its own rule."""
    if hasattr(module, "unseen"):
        yield from _verdicts(inspect.getsource(verdict.unseen))


def _verdicts(source: str) -> Iterator[tuple[str, str]]:
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda one: one.lineno):
        if isinstance(call.func, ast.Name) and call.func.id in STATUSES:
            yield STATUSES[call.func.id], _text(call.args[0])


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return "…"
