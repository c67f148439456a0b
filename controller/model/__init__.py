"""The nouns. Frozen values without I/O; every room speaks in them."""
