"""Variables by which Spark would do something else than its engine has decided.

A driver inherits what its launcher had: credentials, PATH, proxies. Among it may be what a person once set for another
Spark, and a SPARK_HOME or SPARK_REMOTE of the login shell then breaks every run, or changes its results. So these are
not handed down. What a person sets on purpose, in `env` of the engine's settings or of the job's block, is handed down,
save for DECIDED, which is refused there by name.

Sources: the `os.environ` of pyspark 4.2.0 (sql/session.py, sql/connect/session.py, core/context.py, java_gateway.py),
its bin/spark-class, bin/spark-submit and bin/load-spark-env.sh, and the `System.getenv` of its spark-launcher and
spark-core; what each does is told in Spark's pages "Configuration" and "Submitting Applications".
"""

from __future__ import annotations

DECIDED = (
    "MASTER",
    "PYSPARK_GATEWAY_PORT",
    "PYSPARK_GATEWAY_SECRET",
    "PYSPARK_REMOTE_INIT_CONF_LEN",
    "SPARK_API_MODE",
    "SPARK_CONNECT_AUTHENTICATE_TOKEN",
    "SPARK_CONNECT_LOCAL_URL",
    "SPARK_CONNECT_MODE",
    "SPARK_CONNECT_MODE_ENABLED",
    "SPARK_LOCAL_REMOTE",
    "SPARK_MASTER",
    "SPARK_REMOTE",
)
"""Say where the session is and of which kind: the engine's own business."""

UNSET = (
    *DECIDED,
    # Which Spark, with which settings and jars.
    "SPARK_HOME",
    "SPARK_CONF_DIR",
    "SPARK_ENV_LOADED",
    "SPARK_DIST_CLASSPATH",
    "SPARK_JARS_DIR",
    "SPARK_PREPEND_CLASSES",
    "SPARK_SCALA_VERSION",
    "SPARK_SUBMIT_OPTS",
    "SPARK_LAUNCHER_OPTS",
    "PYSPARK_SUBMIT_ARGS",
    "PYSPARK_DRIVER_PYTHON_OPTS",
    # The cluster of another Spark: its Hadoop would turn plain paths into paths of HDFS.
    "HADOOP_CONF_DIR",
    "YARN_CONF_DIR",
    # Sizes, and places on this machine.
    "SPARK_MEM",
    "SPARK_DRIVER_MEMORY",
    "SPARK_EXECUTOR_CORES",
    "SPARK_EXECUTOR_MEMORY",
    "SPARK_EXECUTOR_DIRS",
    "SPARK_LOCAL_DIRS",
    "SPARK_LOCAL_HOSTNAME",
    "SPARK_LOCAL_IP",
    "SPARK_PUBLIC_DNS",
    "SPARK_USER",
    "PYSPARK_PYTHON",
    "PYSPARK_DRIVER_PYTHON",
    "PYSPARK_EXECUTOR_MEMORY_MB",
    "PYSPARK_PLANNER_MEMORY_MB",
    # How it behaves, and what it answers.
    "SPARK_ANSI_SQL_MODE",
    "SPARK_AUTH_SOCKET_TIMEOUT",
    "SPARK_BUFFER_SIZE",
    "SPARK_CONNECT_USER_AGENT",
    "SPARK_REUSE_WORKER",
    "SPARK_SQL_TESTING",
    "SPARK_TESTING",
    "PYSPARK_PIN_THREAD",
    "PYSPARK_UDS_MODE",
    "PYSPARK_YM_INTERVAL_LEGACY",
)
"""Not handed down from the launcher to the driver."""
