"""The sidecar that keeps a workspace equal to the code locations that exist, and the provisioner that gives each team's
namespace what its pods need of the platform.

`watching` and `kubernetes_api` do the I/O, `catalogue` and `presence` decide (pure), `writing` and `reloading` tell
Dagster, `metrics` counts. Nothing here imports Dagster: what a team writes into its Services is data to be checked.
"""
