"""Process 1 of drivers and executors.

Spark on Kubernetes starts an executor as `<entrypoint> executor` and tells it the rest by environment; in cluster mode,
which the Spark operator uses, it starts a driver as `<entrypoint> driver <arguments of spark-submit>`. Any other words
are a command, for example a driver's `python -m engineshed_relay`. Each takes this process's place, so that signals
reach it. Refuses to start what was told too little, naming what is missing.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

BACKEND = "org.apache.spark.scheduler.cluster.k8s.KubernetesExecutorBackend"
# Option of the backend -> the variable that Spark's driver sets in the executor's pod.
OPTIONS = {
    "--driver-url": "SPARK_DRIVER_URL",
    "--executor-id": "SPARK_EXECUTOR_ID",
    "--cores": "SPARK_EXECUTOR_CORES",
    "--app-id": "SPARK_APPLICATION_ID",
    "--hostname": "SPARK_EXECUTOR_POD_IP",
    "--resourceProfileId": "SPARK_RESOURCE_PROFILE_ID",
    "--podName": "SPARK_EXECUTOR_POD_NAME",
}
JAVA_OPTION = "SPARK_JAVA_OPT_"
USAGE = "name a command, for example: python -m engineshed_relay. `executor` starts a Spark executor."
EX_USAGE, EX_NOT_FOUND = 64, 127


class EnvironmentIncomplete(Exception):
    """Variables that Spark sets for what it starts are missing."""


def executor(env: Mapping[str, str]) -> list[str]:
    """The executor's command. Raises EnvironmentIncomplete."""
    missing = [name for name in (*OPTIONS.values(), "SPARK_EXECUTOR_MEMORY", "SPARK_HOME") if not env.get(name)]
    if missing:
        raise EnvironmentIncomplete(f"executor: {', '.join(missing)} not set; only Spark's driver starts executors.")
    heap = env["SPARK_EXECUTOR_MEMORY"]
    options = [word for option, variable in OPTIONS.items() for word in (option, env[variable])]
    return ["java", *_java_options(env), f"-Xms{heap}", f"-Xmx{heap}", "-cp", _classpath(env), BACKEND, *options]


def driver(arguments: list[str], env: Mapping[str, str]) -> list[str]:
    """The driver's command in cluster mode. Raises EnvironmentIncomplete."""
    missing = [name for name in ("SPARK_DRIVER_BIND_ADDRESS", "SPARK_HOME") if not env.get(name)]
    if missing:
        raise EnvironmentIncomplete(f"driver: {', '.join(missing)} not set; only spark-submit starts drivers this way.")
    address = env["SPARK_DRIVER_BIND_ADDRESS"]
    bind = ["--conf", f"spark.driver.bindAddress={address}"]
    tell = ["--conf", f"spark.executorEnv.SPARK_DRIVER_POD_IP={address}"]
    return [f"{env['SPARK_HOME']}/bin/spark-submit", *bind, *tell, "--deploy-mode", "client", *arguments]


def _java_options(env: Mapping[str, str]) -> list[str]:
    """Spark numbers them and counts on their order."""
    numbers = (name.removeprefix(JAVA_OPTION) for name in env if name.startswith(JAVA_OPTION))
    return [env[f"{JAVA_OPTION}{number}"] for number in sorted(numbers, key=int)]


def _classpath(env: Mapping[str, str]) -> str:
    """`spark.executor.extraClassPath` first, then the configuration that Spark mounts, then Spark itself."""
    parts = [
        env.get("SPARK_CLASSPATH"),
        env.get("SPARK_CONF_DIR"),
        f"{env['SPARK_HOME']}/jars/*",
        env.get("HADOOP_CONF_DIR"),
    ]
    return ":".join(part for part in parts if part)


def command(words: list[str], env: Mapping[str, str]) -> list[str]:
    """What to run for these words. Raises EnvironmentIncomplete."""
    if words[:1] == ["driver"]:
        return driver(words[1:], env)
    return executor(env) if words == ["executor"] else words


def main(words: list[str], env: Mapping[str, str]) -> int:
    """Becomes the command; returns an exit code only when it cannot."""
    try:
        argv = command(words, env)
        if not argv:
            raise EnvironmentIncomplete(USAGE)
        os.execvp(argv[0], argv)
    except EnvironmentIncomplete as error:
        sys.stderr.write(f"{error}\n")
        return EX_USAGE
    except FileNotFoundError:
        sys.stderr.write(f"{argv[0]}: there is no such program in this image.\n")
        return EX_NOT_FOUND


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
