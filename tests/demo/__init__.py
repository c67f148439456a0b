"""The whole story on real parts, told while it happens: `python -m tests.demo`."""
