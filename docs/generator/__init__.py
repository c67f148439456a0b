"""Writes what can be said from the code alone: reference pages, CustomResourceDefinitions, the chart's settings.

`python -m docs.generator` writes all of it, `--check` names what is stale. A new page is one more line in
`docs.generator.artifacts`.
"""
