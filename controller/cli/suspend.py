"""`shipslog suspend`."""

from __future__ import annotations

import asyncio

import click

from controller.cli import options, output
from controller.cli.home import Place, locate, opened, whoami
from controller.cli.nouns import application_id, key_of, read_application
from controller.cli.table import Table
from controller.model.labels import API_VERSION, SUSPENSION_ANNOTATION
from controller.model.objects import Key
from controller.model.suspension import Suspension, text


@click.command("suspend")
@click.argument("name", metavar="[NAMESPACE/]NAME")
@options.namespace
@options.output()
@options.kubeconfig
def command(name: str, namespace: str, form: output.Format, kubeconfig: str) -> None:
    """Leave an Application alone: no sync, no healing, no pruning, until it is resumed."""
    switch(name, namespace, form, kubeconfig, suspend=True)


def switch(name: str, namespace: str, form: output.Format, kubeconfig: str, *, suspend: bool) -> None:
    """Set spec.suspend and say what came of it."""
    place = locate(kubeconfig)
    key = key_of(name, namespace or place.namespace)
    changed = asyncio.run(_switch(place, key, suspend=suspend))
    state = "suspended" if suspend else "resumed"
    answer = {"namespace": key.namespace, "name": key.name, "suspend": suspend, "changed": changed}
    said = state if changed else f"{state} already"
    output.emit(form, answer, lambda: Table(("Application", "State"), [(str(key), said)]))


async def _switch(place: Place, key: Key, *, suspend: bool) -> bool:
    async with opened(place) as cluster:
        body = await read_application(cluster, key)
        if bool(body["spec"].get("suspend")) == suspend:
            return False
        user = await whoami(cluster, place.user)
        switched = Suspension(by=user, suspend=suspend, generation=body["metadata"]["generation"] + 1)
        annotations = {SUSPENSION_ANNOTATION: text(switched)}
        patch = {"metadata": {"annotations": annotations}, "spec": {"suspend": suspend}}
        await cluster.merge(application_id(key), API_VERSION, patch)
        return True
