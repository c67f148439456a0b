"""Real servers for the demo and the tests: PostgreSQL, Git over HTTP, and the guard that leaves no process behind."""
