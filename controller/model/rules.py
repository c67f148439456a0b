"""What the API server refuses beyond the schema, as CEL rules: each message names the field and the remedy.

A refusal by a `pattern` alone repeats a regular expression; so every pattern has its meaning here, too.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from controller.model import (
    cluster,
    duration,
    health_check,
    helm,
    ignore,
    kustomize,
    names,
    postbuild,
    ref,
    repository,
    source,
    sync,
)
from controller.model.base import Json
from controller.model.labels import MANAGER

NAME_LENGTH = 53
"""Longest name of an Application: it is the default name of a Helm release, which Helm bounds so."""


class Rule(msgspec.Struct, frozen=True):
    """One entry of `x-kubernetes-validations`. Reason `FieldValueForbidden`: the refused value is not repeated."""

    rule: str
    message: str
    reason: str = ""
    field: str = ""
    """JSON path of the field that is to be named, where it is not the one that has the rule."""

    def json(self) -> Json:
        """As the API takes it."""
        given = {"rule": self.rule, "message": self.message, "reason": self.reason, "fieldPath": self.field}
        return {name: value for name, value in given.items() if value}


MEANINGS: Mapping[str, str] = {
    names.NAME: "must be a name: lower-case letters, digits, dots and dashes, a letter or digit at either end",
    names.NAMESPACE: "must be a namespace's name: lower-case letters, digits and dashes, a letter or digit at "
    "either end",
    names.REF_NAME: "must be the name of a branch or tag as Git allows it: no leading dash or slash, no spaces, "
    "none of ~ ^ : ? * [ \\",
    names.FULL_REF_NAME: "must be the full name of a ref as Git allows it: it begins with refs/, no spaces, none of "
    "~ ^ : ? * [ \\",
    names.SHA: "must be a commit's full object id: 40 (or 64) lower-case hexadecimal digits, as git rev-parse "
    "prints it",
    cluster.DATA_KEY: "must be a key of a Secret: letters, digits, dots, dashes and underscores",
    helm.KUBE_VERSION: "must be a version of Kubernetes, such as v1.36 or 1.36.3",
    ignore.POINTER: "must be a JSON pointer: /spec/replicas, with ~1 for a slash and ~0 for a tilde inside of a name",
    health_check.API_VERSION_PATTERN: "must be a group and a version as in example.com/v1, or v1 for the core group",
    duration.PATTERN: "must be a duration: numbers with the unit ms, s, m or h, such as 90s or 1h30m",
    repository.URL: "must be https://HOST/PATH, http://HOST/PATH, ssh://USER@HOST/PATH (instead of USER@HOST:PATH) or "
    "file:///PATH, without a password or query in it: put credentials into a Secret and name it in spec.secretRef",
}

_AT_MOST_ONE = "[{}].filter(given, given).size() <= 1"


def _at_most_one(*fields: str) -> str:
    return _AT_MOST_ONE.format(", ".join(f"has(self.{field})" for field in fields))


def _at_least(least: str) -> Rule:
    # A value that is no duration at all is the pattern's to refuse.
    return Rule(
        f"!self.matches(r'{duration.PATTERN}') || duration(self) >= duration('{least}')", f"must be {least} or longer"
    )


_INTERVAL = _at_least("1s")
_RELATIVE = "!self.startsWith('/') && !self.contains('://')"
_ALL_RELATIVE = "self.all(file, !file.startsWith('/') && !file.contains('://'))"
_NO_REFS = Rule("!self.startsWith('refs/')", "must be the name alone: main instead of refs/heads/main")

_RULES: Mapping[type, Mapping[str, tuple[Rule, ...]]] = {
    ref.Ref: {
        "": (
            Rule(
                _at_most_one("branch", "tag", "semver", "commit", "name"),
                "spec.source.ref takes at most one of branch, tag, semver, commit and name: remove the others",
            ),
        ),
        "branch": (_NO_REFS,),
        "tag": (_NO_REFS,),
    },
    source.Source: {
        "": (
            Rule(
                _at_most_one("kustomize", "helm", "plain"),
                "spec.source takes at most one of kustomize, helm and plain: remove the others",
            ),
        ),
        "path": (
            Rule(
                "!self.startsWith('/')",
                "spec.source.path must be relative to the repository's root: remove the leading slash",
            ),
            Rule(
                "!self.matches(r'(^|/)\\.\\.(/|$)')",
                "spec.source.path must stay inside the repository: remove the `..` segments",
            ),
        ),
    },
    helm.HelmOptions: {
        "value_files": (
            Rule(
                _ALL_RELATIVE,
                "spec.source.helm.valueFiles are files of the repository: give paths relative to the chart",
            ),
        ),
    },
    helm.FileParameter: {
        "path": (
            Rule(
                _RELATIVE,
                "spec.source.helm.fileParameters are files of the repository: give paths relative to the chart",
            ),
        ),
    },
    kustomize.KustomizeOptions: {
        "components": (
            Rule(
                _ALL_RELATIVE,
                "spec.source.kustomize.components are directories of the repository: give paths relative to the "
                "kustomization",
            ),
        ),
    },
    kustomize.Patch: {
        "": (Rule("has(self.patch) != has(self.path)", "a patch has either patch or path: give one of them"),),
    },
    postbuild.PostBuild: {
        "substitute": (
            Rule(
                f"self.all(name, name.matches(r'{postbuild.VARIABLE}'))",
                "spec.source.postBuild.substitute must have names of letters, digits and underscores that begin with "
                "no digit: rename the others",
            ),
        ),
    },
    ignore.IgnoreDifference: {
        "": (
            Rule(
                "has(self.jsonPointers) || has(self.jsonPaths) || has(self.managedFieldsManagers)",
                "spec.ignoreDifferences takes at least one of jsonPointers, jsonPaths and managedFieldsManagers: say "
                "which fields",
            ),
        ),
        "json_paths": (
            Rule(
                "self.all(path, path.startsWith('$'))",
                "spec.ignoreDifferences.jsonPaths are JSONPaths (RFC 9535), which begin with $: write "
                "$.spec.replicas instead of .spec.replicas",
            ),
        ),
        "managed_fields_managers": (
            Rule(
                f"!self.exists(name, name == '{MANAGER}')",
                f"spec.ignoreDifferences.managedFieldsManagers must not name {MANAGER}: its fields are Git's",
            ),
        ),
    },
    sync.Backoff: {
        "": (
            Rule(
                f"[self.duration, self.maxDuration].exists(wait, !wait.matches(r'{duration.PATTERN}'))"
                " || duration(self.duration) <= duration(self.maxDuration)",
                "spec.sync.retry.backoff.duration must not be longer than maxDuration: raise maxDuration",
                field=".duration",
            ),
        ),
        "duration": (_at_least("10ms"),),
        "max_duration": (_at_least("10ms"),),
    },
    sync.Sync: {"interval": (_INTERVAL,), "timeout": (_INTERVAL,)},
    repository.RepositorySpec: {
        "": (
            Rule(
                "!self.url.startsWith('ssh://') || has(self.secretRef)",
                "spec.secretRef is missing: an ssh:// URL takes a Secret with identity and known_hosts",
            ),
            Rule(
                "!has(self.proxySecretRef) || self.url.startsWith('http')",
                "spec.proxySecretRef takes an https:// or http:// URL: remove it",
            ),
        ),
        "interval": (_INTERVAL,),
        "timeout": (
            _INTERVAL,
            Rule(
                f"!self.matches(r'{duration.PATTERN}') || duration(self) <= duration('1h')",
                "must not be longer than 1h",
            ),
        ),
    },
}

APPLICATION_RULES = (
    Rule(
        f"self.metadata.name.size() <= {NAME_LENGTH}",
        f"metadata.name must not be longer than {NAME_LENGTH} characters, as a Helm release's: choose a shorter name",
        field=".metadata.name",
    ),
)
CLUSTER_RULES = (
    Rule(
        f"self.metadata.name != '{cluster.IN_CLUSTER}'",
        f"metadata.name must not be {cluster.IN_CLUSTER}: that is the cluster the controller runs in, which needs no "
        "Cluster object: choose another name",
        field=".metadata.name",
    ),
)


def rules(owner: type, field: str = "") -> list[Json]:
    """The rules of a Struct, or of one of its fields by its Python name."""
    return [rule.json() for rule in _RULES.get(owner, {}).get(field, ())]


def meaning(pattern: str) -> Json:
    """The rule that says in words what a pattern asks for; raises KeyError for a pattern without a meaning."""
    reason = "FieldValueForbidden" if pattern == repository.URL else ""
    return Rule(f"self.matches(r'{pattern}')", MEANINGS[pattern], reason).json()


def all_rules() -> list[Rule]:
    """Every rule that is not the meaning of a pattern."""
    fields = (entries for owner in _RULES.values() for entries in owner.values())
    return [rule for entries in fields for rule in entries] + [*APPLICATION_RULES, *CLUSTER_RULES]
