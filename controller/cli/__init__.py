"""The command line: `shipslog ...`. The only room that knows click and rich."""
