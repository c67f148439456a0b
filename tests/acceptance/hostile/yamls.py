"""YAML and JSON that nobody can read, or that is meant to be read for ever."""

from __future__ import annotations

from tests.acceptance.hostile.case import Content

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: b}\n"
BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 9)}]\n" for n in range(8)
)


def _yaml(name: str, text: str | bytes, *says: str, file: str = "a.yaml") -> Content:
    return Content(name, "YAML", {file: text}, (f"{name}/{file}", *says))


def _data(text: str) -> str:
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: hostile}}\ndata: {text}\n"


CASES = (
    _yaml("yaml-duplicate-key", _data("{a: b, a: c}"), "a.yaml:4", '"a"'),
    _yaml("yaml-duplicate-kind", MAP % "hostile" + "kind: Secret\n", "a.yaml:5", '"kind"'),
    _yaml("yaml-bomb", BOMB, "excessive aliasing"),
    _yaml("yaml-alias-cycle", "a: &a [*a]\n", "aliasing"),
    _yaml("yaml-alias-cycle-wide", "a: &a {b: &b [*a, *b]}\n", "aliasing"),
    _yaml("yaml-alias-unknown", _data("*nobody"), "unknown anchor", "'nobody'"),
    _yaml("yaml-tab", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n\tname: hostile\n", "a.yaml:4"),
    _yaml("yaml-nul", "apiVersion: v1\0\nkind: ConfigMap\n", "control characters"),
    _yaml("yaml-control", _data('"a\x01b"'), "control characters"),
    _yaml("yaml-utf32", (MAP % "hostile").encode("utf-32"), "control characters"),
    _yaml("yaml-latin1", _data("{a: 'Bär'}").encode("latin-1"), "UTF-8"),
    _yaml("yaml-key-list", _data("{[a, b]: c}"), "invalid map key"),
    _yaml("yaml-key-null", _data("{~: c}"), "key"),
    _yaml("yaml-key-map", _data("\n  ? {a: b}\n  : c"), "key"),
    _yaml("yaml-infinite", _data("{a: .inf}"), "+Inf"),
    _yaml("yaml-nan", _data("{a: .nan}"), "NaN"),
    _yaml("yaml-deep-flow", "a: " + "[" * 100_000, "max depth"),
    _yaml("yaml-deep-block", "".join(" " * n + "a:\n" for n in range(1_000)), "100 levels"),
    _yaml("yaml-deep-json", '{"a":' * 1_000 + "1" + "}" * 1_000, "100 levels", file="a.json"),
    _yaml("yaml-garbage-document", MAP % "hostile" + "---\n}{ nonsense\n", "a.yaml:5"),
    _yaml("yaml-text-document", MAP % "hostile" + "---\nhello world\n", "a.yaml:5", "not a text"),
    _yaml("yaml-list-document", "- apiVersion: v1\n- kind: ConfigMap\n", "list"),
    _yaml("yaml-number-document", "42\n", "number"),
    _yaml("yaml-huge-string", _data("{a: " + "x" * 100_000_000 + "}"), "1048576"),
    _yaml("yaml-tag-int", _data("{a: !!int hello}"), "!!int"),
    _yaml("yaml-tag-binary", _data("{a: !!binary '%%%'}"), "!!binary"),
    _yaml("yaml-tag-timestamp", _data("{a: !!timestamp tomorrow}"), "!!timestamp"),
    _yaml("yaml-merge-number", _data("{<<: 1}"), "merge"),
    _yaml("yaml-merge-list", _data("{<<: [1, {a: b}]}"), "merge"),
    _yaml("yaml-unclosed-quote", _data('"a'), "a.yaml:5"),
    _yaml("yaml-unclosed-bracket", _data("[a, b"), "a.yaml:4"),
    _yaml(
        "yaml-indentation", "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: hostile\n   labels: {}\n", "a.yaml:5"
    ),
    _yaml("yaml-directive", "%YAML 1.2\n---\n" + MAP % "hostile", "YAML"),
    _yaml("yaml-unknown-directive", "%FOO\n---\n" + MAP % "hostile", "a.yaml:1"),
    _yaml("yaml-many-documents", "---\n{}\n" * 100_000, "documents"),
    _yaml("yaml-key-huge", _data("{? " + "k" * 2_000 + " : v}"), "k"),
    _yaml("yaml-text-behind", "{apiVersion: v1, kind: ConfigMap, metadata: {name: hostile}}\nkind: Secret\n", "behind"),
    _yaml("json-duplicate-key", '{"apiVersion":"v1","kind":"ConfigMap","kind":"Secret"}', '"kind"', file="a.json"),
    _yaml("json-truncated", '{"apiVersion":"v1","kind":"Conf', "unexpected end", file="a.json"),
    _yaml(
        "json-trailing",
        '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"hostile"}}garbage',
        "behind the end",
        file="a.json",
    ),
)
