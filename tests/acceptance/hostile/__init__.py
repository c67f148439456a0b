"""Hostile and broken inputs, by kind: what each is, and what its error must name."""
