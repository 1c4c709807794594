"""The Grafana dashboards, as `make docs` writes them to `deploy/grafana/dashboards/`."""
