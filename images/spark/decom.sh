#!/bin/sh
# Spark's preStop hook of executors (`spark.kubernetes.decommission.script`): asks the executor, process 1, to move its blocks
# elsewhere, and keeps the pod until it has. The pod's grace period bounds the wait.
kill -s PWR 1
while kill -0 1 2>/dev/null; do sleep 0.5; done
