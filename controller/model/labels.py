"""Names of the labels, annotations and finalizers that we write and read."""

from __future__ import annotations

import hashlib

from controller.model.objects import Key

GROUP = "shipslog.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
MANAGER = "shipslog"
"""Field manager of every server-side apply."""

BUCKETS = 128

OWNER_LABEL = f"{GROUP}/owner"
"""On every object we apply: digest of installation and Application. Watches select by its presence."""
INSTALLATION_LABEL = f"{GROUP}/installation"
"""On every object we apply: the installation, which leaves alone what is another's."""
BUCKET_LABEL = f"{GROUP}/bucket"
"""On every object we apply: the Application's bucket, 0 to 127."""
APPLICATION_ANNOTATION = f"{GROUP}/application"
"""On every object we apply: namespace/name of the Application, for people."""
PRUNE_ANNOTATION = f"{GROUP}/prune"
"""On an object: `never` keeps it from ever being deleted by us. See controller.model.options for all of these."""
HELM_POLICY_ANNOTATION = "helm.sh/resource-policy"
"""On an object: `keep` means the same, as charts say it."""
OBJECT_SYNC_ANNOTATION = f"{GROUP}/sync"
"""On an object: `never` leaves it alone, `create-only` never changes it once it exists."""
REPLACE_ANNOTATION = f"{GROUP}/replace"
"""On an object in Git: `allowed` lets it be deleted and created anew for a field that can't be changed."""
CONFLICTS_ANNOTATION = f"{GROUP}/conflicts"
"""On an object in Git: `refuse` takes no field from another manager."""
CONFIDENTIAL_ANNOTATION = f"{GROUP}/confidential"
"""On an object we apply: a Secret's value was filled into it, so none of its values is told of."""
SYNC_ANNOTATION = f"{GROUP}/sync-requested-at"
"""On an Application: any new value asks for a sync at once."""
ACTOR_ANNOTATION = f"{GROUP}/requested-by"
"""On an Application: who asked, as the command line knows it."""
SUSPENSION_ANNOTATION = f"{GROUP}/suspension"
"""On an Application: who suspended or resumed it last, as the command line knows it (`controller.model.suspension`)."""
DECLINE_ANNOTATION = f"{GROUP}/declined-heals"
"""On an Application: heals that a person declined, as a JSON list (`controller.model.decline`)."""
PROGRESS_ANNOTATION = f"{GROUP}/progress-deadline"
"""On an object: how long it may stand without progress before it counts as failed, as in `10m`."""
HEALTH_ANNOTATION = f"{GROUP}/health"
"""On an object: `ignore` keeps its health out of its Application's."""
FINALIZER = f"{GROUP}/prune"
"""On an Application: its objects are pruned before it goes."""


def owner_value(installation: str, application: Key) -> str:
    """Value of the owner label: 40 hex digits, so that any name fits into a label's 63 characters."""
    return hashlib.sha256(f"{installation}\0{application}".encode()).hexdigest()[:40]


def bucket(application: Key) -> int:
    """The Application's fixed bucket: 0 to 127."""
    return int.from_bytes(hashlib.sha256(str(application).encode()).digest()[:4], "big") % BUCKETS
