"""Grafana dashboards and Prometheus alerts: `python -m dashboards` writes the JSON files anew."""
