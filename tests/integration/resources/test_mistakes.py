"""Documented mistakes on a real API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from controller.model.rules import MEANINGS, all_rules
from docs.generator.examples import Mistake, mistakes
from tests.integration.resources.api import Refused

if TYPE_CHECKING:
    from tests.integration.resources.api import Api


@pytest.mark.parametrize("mistake", mistakes(), ids=lambda mistake: mistake.name)
def test_a_mistake_is_refused_with_a_message_that_names_the_field(api: Api, mistake: Mistake) -> None:
    """The refusal says which field and what to do, in the words of the documentation."""
    with pytest.raises(Refused) as refusal:
        api.create(mistake.object, dry_run=True)
    assert mistake.says in refusal.value.message
    assert mistake.field in refusal.value.message
    if refusal.value.fields:
        assert mistake.field in refusal.value.fields


def test_a_refused_url_is_not_repeated(api: Api) -> None:
    """The password that someone put into a URL is not carried on into logs by the refusal."""
    refused = next(mistake for mistake in mistakes() if mistake.name == "password-in-url")
    with pytest.raises(Refused) as refusal:
        api.create(refused.object, dry_run=True)
    assert "replace-me" not in str(refusal.value)


def test_every_rule_is_broken_by_some_mistake() -> None:
    """A rule without a documented mistake is a rule that was never seen to refuse anything."""
    said = [mistake.says for mistake in mistakes()]
    messages = {rule.message for rule in all_rules()} | {*MEANINGS.values()}
    assert [message for message in messages if not any(part in message for part in said)] == []


def test_a_mistake_in_an_update_is_refused_and_changes_nothing(api: Api) -> None:
    """Rules hold for changes as for new objects."""
    body = {
        "apiVersion": "shipslog.dev/v1alpha1",
        "kind": "Application",
        "metadata": {"name": "shop", "namespace": "team-pay"},
        "spec": {"source": {"repository": "shop-config"}, "destination": {"namespace": "shop"}},
    }
    api.create(body)
    with pytest.raises(Refused, match="remove the leading slash"):
        api.merge(body, {"spec": {"source": {"path": "/etc"}}})
    assert api.read(body)["spec"]["source"]["path"] == "."
