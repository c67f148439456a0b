"""What the names of field managers stand for: the tools that use them."""

from __future__ import annotations

from collections.abc import Sequence

ANCIENT = "ancient-changes"
"""The entry into which an API server merges the oldest of more than ten managers (`capmanagers.go`)."""
BEFORE_APPLY = "before-first-apply"
"""The entry that an API server makes of the fields of an object that nobody owned when it was first applied."""

_TOOLS: Sequence[tuple[str, str]] = (
    ("kubectl-edit", "kubectl edit"),
    ("kubectl-patch", "kubectl patch"),
    ("kubectl-client-side-apply", "kubectl apply"),
    ("kubectl-rollout", "kubectl rollout"),
    ("kubectl-label", "kubectl label"),
    ("kubectl-annotate", "kubectl annotate"),
    ("kubectl-create", "kubectl create"),
    ("kubectl-replace", "kubectl replace"),
    ("kubectl-set", "kubectl set"),
    ("kubectl", "kubectl"),
    ("helm", "Helm"),
    ("kustomize-controller", "Flux"),
    ("helm-controller", "Flux"),
    ("argocd-controller", "Argo CD"),
    ("argocd-application-controller", "Argo CD"),
    ("vpa-", "a VerticalPodAutoscaler"),
    ("cloud-controller-manager", "the cloud provider"),
    (ANCIENT, "one of more than ten managers, merged by the API server"),
    (BEFORE_APPLY, "whoever made the object, before it was first applied"),
    ("shipslog", "a write in our own name"),
)


def tool(manager: str, subresource: str = "") -> str:
    """The tool behind a manager's name, in words; empty where the name is not a known one.

    The name is chosen by the client: this is what it usually means, and no proof.
    """
    if manager == "kube-controller-manager":
        return "a HorizontalPodAutoscaler" if subresource == "scale" else "a controller of Kubernetes"
    if manager.startswith("kubectl") and subresource == "scale":
        return "kubectl scale"
    return next((name for prefix, name in _TOOLS if manager.startswith(prefix)), "")
