"""Custom resources that the API refuses, and those that only the controller can tell what is wrong with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tests.acceptance.hostile.case import Content

if TYPE_CHECKING:
    from collections.abc import Sequence

MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {a: '%s'}\n"


class Refused(NamedTuple):
    """An object that the API server refuses, and what the refusal must name."""

    name: str
    kind: str
    spec: dict[str, Any]
    says: Sequence[str]
    object_name: str = ""
    """Where it is not the case's."""


def _source(name: str, *says: str, **source: Any) -> Refused:
    spec = {"source": {"repository": "hostile"} | source, "destination": {"namespace": "hostile"}}
    return Refused(name, "Application", spec, ("spec.source", *says))


def _application(name: str, *says: str, object_name: str = "", **spec: Any) -> Refused:
    given = {"source": {"repository": "hostile"}, "destination": {"namespace": "hostile"}} | spec
    return Refused(name, "Application", given, says, object_name)


def _repository(name: str, *says: str, **spec: Any) -> Refused:
    return Refused(name, "Repository", {"url": "https://git.invalid/a.git"} | spec, says)


REFUSED = (
    _source("cr-helm-and-kustomize", "helm", "kustomize", "remove", helm={}, kustomize={}),
    _source("cr-two-refs", "branch", "tag", "remove", ref={"branch": "a", "tag": "b"}),
    _source("cr-ref-full", "main instead of refs/heads/main", ref={"branch": "refs/heads/main"}),
    _source("cr-ref-option", "dash", ref={"branch": "--upload-pack=sh"}),
    _source("cr-ref-space", "spaces", ref={"tag": "a b"}),
    _source("cr-ref-number", "branch", ref={"branch": 7}),
    _source("cr-commit-short", "full object id", ref={"commit": "abc123"}),
    _source("cr-path-absolute", "leading slash", path="/etc"),
    _source("cr-path-outside", "`..`", path="a/../../b"),
    _source("cr-path-list", "path", path=["a"]),
    _source("cr-source-field", "pathh", pathh="a"),
    _source("cr-repository-url", "repository", "name", repository="https://git.invalid/a.git"),
    _source("cr-value-file", "valueFiles", "relative", helm={"valueFiles": ["/etc/passwd"]}),
    _source("cr-value-file-remote", "valueFiles", "relative", helm={"valueFiles": ["https://a.invalid/b"]}),
    _source("cr-kube-version", "kubeVersion", "v1.36", helm={"kubeVersion": "newest"}),
    _source("cr-release-name", "releaseName", helm={"releaseName": "Not Allowed"}),
    _source("cr-component-remote", "components", kustomize={"components": ["https://a.invalid/b"]}),
    _source("cr-patch-both", "patch or path", kustomize={"patches": [{"patch": "a: b", "path": "c"}]}),
    _source("cr-replica-negative", "count", kustomize={"replicas": [{"name": "a", "count": -1}]}),
    _source("cr-substitute-name", "substitute", "rename", postBuild={"substitute": {"a-b": "c"}}),
    _source("cr-substitute-kind", "kind", postBuild={"substituteFrom": [{"kind": "Pod", "name": "a"}]}),
    _application("cr-no-destination", "spec.destination", destination=None),
    _application("cr-namespace-illegal", "spec.destination.namespace", destination={"namespace": "../kube-system"}),
    _application("cr-mode", "spec.sync.mode", "supported values", sync={"mode": "always"}),
    _application("cr-interval", "spec.sync.interval", "90s", sync={"interval": "often"}),
    _application("cr-interval-zero", "spec.sync.interval", "1s", sync={"interval": "0s"}),
    _application("cr-interval-number", "spec.sync.interval", sync={"interval": 5}),
    _application("cr-retry-negative", "spec.sync.retry.limit", sync={"retry": {"limit": -1}}),
    _application("cr-backoff", "maxDuration", sync={"retry": {"backoff": {"duration": "5m", "maxDuration": "1s"}}}),
    _application("cr-prune-text", "spec.sync.prune", sync={"prune": "no"}),
    _application("cr-ignore-nothing", "spec.ignoreDifferences", ignoreDifferences=[{"kind": "Pod"}]),
    _application(
        "cr-ignore-pointer", "jsonPointers", ignoreDifferences=[{"kind": "Pod", "jsonPointers": ["spec.replicas"]}]
    ),
    _application("cr-ignore-path", "jsonPaths", ignoreDifferences=[{"kind": "Pod", "jsonPaths": [".spec"]}]),
    _application(
        "cr-ignore-ourselves", "shipslog", ignoreDifferences=[{"kind": "Pod", "managedFieldsManagers": ["shipslog"]}]
    ),
    _application(
        "cr-check-twice", "spec.healthChecks", healthChecks=[{"apiVersion": "v1", "kind": "A", "current": "true"}] * 2
    ),
    _application(
        "cr-check-empty", "spec.healthChecks", healthChecks=[{"apiVersion": "v1", "kind": "A", "current": ""}]
    ),
    _application("cr-depends-twice", "spec.dependsOn", dependsOn=[{"name": "a"}, {"name": "a"}]),
    _application("cr-depends-name", "spec.dependsOn", dependsOn=[{"name": "A/b"}]),
    _application("cr-deletion", "spec.deletion", deletion="burn"),
    _application("cr-name-long", "metadata.name", "53", object_name="n" * 60),
    _application("cr-field", "suspendd", suspendd=True),
    _repository("cr-url-password", "spec.secretRef", url="https://user:hunter2secret@git.invalid/a.git"),
    _repository("cr-url-query", "spec.url", url="https://git.invalid/a.git?token=hunter2secret"),
    _repository("cr-url-scheme", "spec.url", url="ftp://git.invalid/a.git"),
    _repository("cr-url-scp", "spec.url", "ssh://", url="git@git.invalid:a.git"),
    _repository("cr-url-helper", "spec.url", url="ext::sh -c id"),
    _repository("cr-url-option", "spec.url", url="ssh://-oProxyCommand=id/a"),
    _repository("cr-ssh-no-secret", "spec.secretRef", "known_hosts", url="ssh://git@git.invalid/a.git"),
    _repository("cr-repository-interval", "spec.interval", interval="0s"),
    _repository("cr-repository-timeout", "spec.timeout", "1h", timeout="48h"),
    _repository("cr-verify", "spec.verify.secretRef", verify={"mode": "head"}),
    Refused(
        "cr-cluster-home",
        "Cluster",
        {"kubeconfigSecretRef": {"name": "a", "namespace": "b"}},
        ("in-cluster",),
        "in-cluster",
    ),
    Refused("cr-cluster-no-secret", "Cluster", {}, ("spec.kubeconfigSecretRef",)),
    Refused(
        "cr-cluster-key", "Cluster", {"kubeconfigSecretRef": {"name": "a", "namespace": "b", "key": "../x"}}, ("key",)
    ),
    Refused(
        "cr-cluster-requests",
        "Cluster",
        {"kubeconfigSecretRef": {"name": "a", "namespace": "b"}, "maxRequests": 0},
        ("spec.maxRequests",),
    ),
)


def _told(name: str, *says: str, text: str = "", **spec: Any) -> Content:
    return Content(name, "resource", {"a.yaml": text or MAP % (name, "b")}, says, spec)


def _checked(name: str, expression: str, *says: str) -> Content:
    check = {"apiVersion": "hostile.example/v1", "kind": "Ship", "current": expression}
    return _told(name, "spec.healthChecks", *says, healthChecks=[check])


TOLD = (
    _told("cr-repository-unknown", "spec.source.repository", "nowhere", source={"repository": "nowhere"}),
    _told(
        "cr-cluster-unknown",
        "spec.destination.cluster",
        "nowhere",
        destination={"namespace": "hostile", "cluster": "nowhere"},
    ),
    _told("cr-semver", "spec.source.ref.semver", source={"ref": {"semver": "newest please"}}),
    _told("cr-semver-none", ">=99", source={"ref": {"semver": ">=99"}}),
    _told("cr-branch", "no-such-branch", "main", source={"ref": {"branch": "no-such-branch"}}),
    _told("cr-branch-shell", "$(touch${IFS}x);`id`", source={"ref": {"branch": "$(touch${IFS}x);`id`"}}),
    _told("cr-tag", "no-such-tag", source={"ref": {"tag": "no-such-tag"}}),
    _told("cr-ref-name", "refs/pull/1/head", source={"ref": {"name": "refs/pull/1/head"}}),
    _told("cr-commit", "0123456789012345678901234567890123456789", source={"ref": {"commit": "0123456789" * 4}}),
    _told("cr-path", "no-such-path", source={"path": "no-such-path"}),
    _told("cr-path-file", "cr-path-file/a.yaml", "directory", source={"path": "cr-path-file/a.yaml"}),
    _told("cr-depends-a", "spec.dependsOn", "cr-depends-b", dependsOn=[{"name": "cr-depends-b"}]),
    _told("cr-depends-b", "spec.dependsOn", "cr-depends-a", dependsOn=[{"name": "cr-depends-a"}]),
    _told("cr-depends-self", "spec.dependsOn", "itself", dependsOn=[{"name": "cr-depends-self"}]),
    _told("cr-depends-nobody", "nobody", dependsOn=[{"name": "nobody"}]),
    _checked("cr-cel-syntax", "status.ready ==", "current"),
    _checked("cr-cel-name", "launch(self)", "launch"),
    _checked("cr-cel-type", "'a' + 1", "current"),
    _checked("cr-cel-number", "1 + 1", "neither true nor false"),
    _told("cr-jsonpath", "ignoreDifferences", "jsonPaths", ignoreDifferences=[{"kind": "Pod", "jsonPaths": ["$.["]}]),
    _told(
        "cr-jsonpath-function", "jsonPaths", ignoreDifferences=[{"kind": "Pod", "jsonPaths": ["$[?length(@.a) > 1]"]}]
    ),
    _told(
        "cr-substitute",
        "nobody",
        text=MAP % ("cr-substitute", "${nobody}"),
        source={"postBuild": {"substitute": {"a": "b"}}},
    ),
    _told(
        "cr-substitute-from",
        "nowhere",
        "team-pay",
        source={"postBuild": {"substituteFrom": [{"kind": "ConfigMap", "name": "nowhere"}]}},
    ),
    _told("cr-helm-no-chart", "Chart.yaml", source={"helm": {}}),
    _told("cr-kustomize-namespace", "no-such-namespace", source={"kustomize": {"namespace": "no-such-namespace"}}),
)
