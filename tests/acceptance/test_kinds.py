"""Every usual kind of object settles: what the server makes of a wish is never taken for drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.model.labels import API_VERSION
from tests.ground.eventually import eventually
from tests.ground.world import TEAM

if TYPE_CHECKING:
    from tests.ground.controller_process import ControllerProcess
    from tests.ground.world import World

POD = "{metadata: {labels: {app: a}}, spec: {containers: [{name: a, image: 'nginx', resources: {limits: %s}}]}}"
QUANTITIES = "{cpu: '1000m', memory: 1024Mi}"
CHORE = "{spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}"
# Written as people write them: quantities that the server writes otherwise, ports without a protocol, lists out of
# order, deprecated and defaulted fields left out, an empty map, a null.
MANIFESTS = f"""\
apiVersion: v1
kind: Namespace
metadata: {{name: kinds}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: a, annotations: null}}
spec:
  replicas: 1
  selector: {{matchLabels: {{app: a}}}}
  template: {POD % QUANTITIES}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {{name: a}}
spec:
  serviceName: a
  selector: {{matchLabels: {{app: s}}}}
  template: {(POD % QUANTITIES).replace("app: a", "app: s")}
  volumeClaimTemplates:
  - metadata: {{name: data}}
    spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1024Mi}}}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {{name: a}}
spec: {{selector: {{matchLabels: {{app: d}}}}, template: {(POD % "{}").replace("app: a", "app: d")}}}
---
apiVersion: batch/v1
kind: Job
metadata: {{name: a}}
spec: {{template: {CHORE}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {{name: a}}
spec: {{schedule: "0 0 * * *", jobTemplate: {{spec: {{template: {CHORE}}}}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: a}}
spec: {{selector: {{app: a}}, ports: [{{port: 80, name: http}}, {{port: 53, protocol: UDP, name: dns}}]}}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {{name: a}}
spec:
  rules:
  - http: {{paths: [{{path: /, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {{name: a}}
spec: {{podSelector: {{}}, policyTypes: [Ingress], ingress: [{{ports: [{{port: 80}}]}}]}}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {{name: a}}
spec:
  scaleTargetRef: {{apiVersion: apps/v1, kind: Deployment, name: a}}
  minReplicas: 1
  maxReplicas: 3
  metrics:
  - {{type: Resource, resource: {{name: memory, target: {{type: Utilization, averageUtilization: 80}}}}}}
  - {{type: Resource, resource: {{name: cpu, target: {{type: Utilization, averageUtilization: 80}}}}}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {{name: a}}
spec: {{maxUnavailable: 1, selector: {{matchLabels: {{app: a}}}}}}
---
apiVersion: v1
kind: Secret
metadata: {{name: a}}
stringData: {{password: hunter2}}
data: {{other: aGk=}}
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: a}}
data: {{a: "1", empty: ""}}
binaryData: {{b: aGk=}}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {{name: a}}
spec: {{accessModes: [ReadWriteOnce], resources: {{requests: {{storage: 1024Mi}}}}}}
---
apiVersion: v1
kind: ServiceAccount
metadata: {{name: a}}
---
apiVersion: v1
kind: LimitRange
metadata: {{name: a}}
spec: {{limits: [{{type: Container, default: {{cpu: 1000m}}, defaultRequest: {{cpu: "0.1"}}}}]}}
---
apiVersion: v1
kind: ResourceQuota
metadata: {{name: a}}
spec: {{hard: {{pods: "100", requests.cpu: 4000m}}}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: a}}
rules: [{{apiGroups: [""], resources: [pods, configmaps], verbs: [list, get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: a}}
roleRef: {{kind: Role, name: a, apiGroup: rbac.authorization.k8s.io}}
subjects: [{{kind: ServiceAccount, name: a, namespace: kinds}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: kinds-part, labels: {{aggregate: kinds}}}}
rules: [{{apiGroups: [""], resources: [pods], verbs: [get]}}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: kinds-whole}}
aggregationRule: {{clusterRoleSelectors: [{{matchLabels: {{aggregate: kinds}}}}]}}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata: {{name: kinds}}
value: 1000
---
apiVersion: storage.k8s.io/v1
kind: StorageClass
metadata: {{name: kinds}}
provisioner: example.com/none
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {{name: kinds}}
webhooks:
- name: a.example.com
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {{service: {{name: a, namespace: kinds}}}}
  rules: [{{apiGroups: [nowhere.example.com], apiVersions: [v1], operations: [CREATE], resources: [nothings]}}]
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {{name: boats.kinds.example.com}}
spec:
  group: kinds.example.com
  names: {{kind: Boat, plural: boats}}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec: {{type: object, properties: {{sails: {{type: integer, default: 2}}, name: {{type: string}}}}}}
---
apiVersion: kinds.example.com/v1
kind: Boat
metadata: {{name: a}}
spec: {{name: dinghy}}
"""


@pytest.mark.timeout(180)
def test_every_usual_kind_settles_and_stays_settled(world: World, controller: ControllerProcess) -> None:
    """After the sync nothing differs: not at once, not in a full comparison, not after a restart."""
    world.repository().publish({"all.yaml": MANIFESTS}, "everything")
    world.application("kinds")
    eventually(lambda: _applied(world), "all of it is written", seconds=60)
    writes = len(world.ledger.events("apply.object"))
    assert writes == MANIFESTS.count("\n---\n") + 1

    for number in (1, 2):
        asked = f"2026-01-01T00:00:00.00000{number}Z"
        annotations = {"metadata": {"annotations": {"shipslog.dev/sync-requested-at": asked}}}
        world.objects.edit(API_VERSION, "Application", TEAM, "kinds", annotations)
        eventually(lambda asked=asked: _compared(world, asked), "it is compared in full", seconds=60)  # type: ignore[misc]
        counts = world.status("kinds")["lastRun"]["counts"]
        assert counts == {"create": 0, "update": 0, "prune": 0, "skip": 0, "failed": 0, "unchanged": writes}
        assert controller.stop() == 0
        controller.start()

    assert controller.stop() == 0
    assert world.ledger.events("drift.detected") == []
    assert len(world.ledger.events("apply.object")) == writes
    controller.start()


def _applied(world: World) -> bool:
    synced = world.condition("kinds", "Synced").get("status") == "True"
    return synced and bool((world.status("kinds").get("lastRun") or {}).get("applied"))


def _compared(world: World, asked: str) -> bool:
    """Health may take its time: nothing measures anything for an HPA here."""
    return world.status("kinds").get("lastHandledSync") == asked and _applied(world)
