"""What the previews of the boards are drawn from: runs on the whole route, under everything that watches them.

Real: the route (plan, ledger, leases, failover, adoption, reaper), the meter, the exporter, Dagster's instance with its
queue and pools, discovery, Prometheus. Doubles: the platforms that the drivers run on, the API server that discovery
reads, and the web server that it tells.
"""
